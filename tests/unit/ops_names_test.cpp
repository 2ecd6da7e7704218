// Ops are called by their names in passes and tables: a name that no op has would be a rule that never holds.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "ops/op.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// What else is written like the name of an op: steps that stand for no node, and a prefix of names.
const std::set<std::string> other_words{"Convert", "QuantizeRows", "QuantizeTensor",
                                        "Reorder", "StrassenRows", "QLinear"};

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(OpNames, EveryNameThatTheSourcesSpellIsThatOfAnOp) {
  static const std::regex quoted(R"re("([A-Z][a-z][A-Za-z0-9]*)")re");
  std::size_t found = 0;
  for (const char* folder : {"graph", "passes", "quantize", "compile", "engine", "run"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(fs::path(TESSERA_SOURCES) / folder)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      const std::string text = text_of(entry.path());
      for (std::sregex_iterator match(text.begin(), text.end(), quoted), end; match != end; ++match) {
        const std::string name = (*match)[1];
        ++found;
        EXPECT_TRUE(find_op(name) != nullptr || other_words.contains(name)) << name << " in " << entry.path();
      }
    }
  EXPECT_GT(found, 100U) << "the sources were not found or the pattern fits nothing";
}

}  // namespace
}  // namespace tessera
