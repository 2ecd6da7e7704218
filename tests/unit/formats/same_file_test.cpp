#include "formats/same_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class SameFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tessera-same-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ / "folder/deep");
    for (const char* name : {"input", "other", "folder/deep/image"}) std::ofstream(root_ / name) << name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void expect_refused(const fs::path& output, const std::vector<std::string>& inputs) const {
    try {
      refuse_to_overwrite(output.string(), inputs);
      ADD_FAILURE() << output << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_NE(error.subject().find(output.string()), std::string::npos);
    }
  }

  fs::path root_;
};

TEST_F(SameFile, HoweverThePathIsWritten) {
  const std::vector<std::string> inputs = {(root_ / "other").string(), (root_ / "input").string()};
  fs::create_symlink(root_ / "input", root_ / "soft");
  fs::create_hard_link(root_ / "input", root_ / "hard");
  for (const char* name : {"input", "folder/../input", "soft", "hard"}) expect_refused(root_ / name, inputs);
  const std::vector<std::string> through_link = {(root_ / "soft").string()};
  expect_refused(root_ / "input", through_link);
}

TEST_F(SameFile, FilesInsideAFolderThatIsRead) {
  const std::vector<std::string> inputs = {(root_ / "folder").string()};
  fs::create_hard_link(root_ / "folder/deep/image", root_ / "copy");
  expect_refused(root_ / "folder/deep/image", inputs);
  expect_refused(root_ / "copy", inputs);
}

TEST_F(SameFile, OtherFilesAndThoseThatAreNotThereYet) {
  const std::vector<std::string> inputs = {"", (root_ / "input").string(), (root_ / "folder").string(),
                                           (root_ / "missing").string()};
  EXPECT_NO_THROW(refuse_to_overwrite((root_ / "other").string(), inputs));
  EXPECT_NO_THROW(refuse_to_overwrite((root_ / "new").string(), inputs));
  EXPECT_NO_THROW(refuse_to_overwrite((root_ / "missing").string(), inputs));
}

}  // namespace
}  // namespace tessera
