// What the tests of the file formats share: a folder of their own, and the check that an Error says what it should.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "graph/graph.hpp"

namespace tessera::formats_testing {

/// A folder that disappears with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tessera-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// `action` throws an Error of this kind whose message is one line and contains all `parts`.
template <typename Action>
void expect_error(ErrorKind kind, const std::vector<std::string>& parts, Action action) {
  try {
    action();
    ADD_FAILURE() << "no Error; expected one about: " << ::testing::PrintToString(parts);
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.kind(), kind) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
  }
}

inline void expect_same_bits(const Tensor& actual, const Tensor& expected, const std::string& name) {
  ASSERT_EQ(actual.type(), expected.type()) << name;
  ASSERT_EQ(actual.shape(), expected.shape()) << name;
  EXPECT_EQ(actual.bytes() == 0 || std::memcmp(actual.data(), expected.data(), expected.bytes()) == 0, true) << name;
}

/// Every constant of `expected` is in `actual` under its name, bit for bit, and the other way round.
inline void expect_same_constants(const Graph& actual, const Graph& expected) {
  std::size_t constants = 0;
  for (const Value& value : expected.values) {
    if (!value.is_constant()) continue;
    ++constants;
    const ValueId id = actual.find(value.name);
    ASSERT_NE(id, no_value) << value.name;
    expect_same_bits(actual.value(id).constant, value.constant, value.name);
  }
  for (const Value& value : actual.values) constants -= value.is_constant() ? 1 : 0;
  EXPECT_EQ(constants, 0U);
}

}  // namespace tessera::formats_testing
