// A session in the child of a fork. Not under ThreadSanitizer, which allows no new threads after a fork of several: its
// build takes the files named engine_*.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tessera/tessera.hpp"
#include "unit/engine/support.hpp"
#include "unit/support/test_data.hpp"

namespace tessera {
namespace {

using testing::same_bits;

TEST(Fork, TheChildGoesOnWithASessionOfItsParent) {
  const Model model = Model::load(test_data("text/model.onnx"));
  const TensorMap inputs = model.random_inputs({{"batch", 2}, {"seq", 5}}, 7);
  for (const int threads : {1, 2}) {
    Session session = model.compile({.threads = threads});
    const Tensor before = session.run(inputs).at("logits");
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);  // a hang is a failure
      _exit(same_bits(session.run(inputs).at("logits"), before) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(same_bits(session.run(inputs).at("logits"), before));
  }
}

}  // namespace
}  // namespace tessera
