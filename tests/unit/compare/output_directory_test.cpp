#include "compare/output_directory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "core/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class OutputDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tessera-output-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
};

TEST_F(OutputDirectoryTest, CommitPutsEveryFileInPlaceAndNothingElse) {
  OutputDirectory folder(root_ / "a" / "b");
  folder.stage("one", "1");
  folder.stage("two", [](const std::string& path) { std::ofstream(path) << "2"; });
  EXPECT_FALSE(fs::exists(root_ / "a" / "b" / "one"));
  folder.commit();
  EXPECT_EQ(content(root_ / "a" / "b" / "one"), "1");
  EXPECT_EQ(content(root_ / "a" / "b" / "two"), "2");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "a" / "b"), fs::directory_iterator()), 2);
}

TEST_F(OutputDirectoryTest, WithoutCommitNothingStays) {
  {
    OutputDirectory folder(root_ / "a" / "b");
    folder.stage("one", "1");
  }
  EXPECT_FALSE(fs::exists(root_ / "a"));
}

TEST_F(OutputDirectoryTest, AWriterThatFailsIsReportedUnderTheNameThatWasMeant) {
  OutputDirectory folder(root_);
  try {
    folder.stage("one", [](const std::string& path) { fail(path, "the disk is full"); });
    FAIL() << "the failure was swallowed";
  } catch (const Error& error) {
    EXPECT_NE(error.subject().find((root_ / "one").string()), std::string::npos);
    EXPECT_EQ(error.why(), "the disk is full");
  }
}

TEST_F(OutputDirectoryTest, WithoutCommitOldFilesStayAsTheyWere) {
  std::ofstream(root_ / "one") << "old";
  {
    OutputDirectory folder(root_);
    folder.stage("one", "new");
  }
  EXPECT_EQ(content(root_ / "one"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
  OutputDirectory folder(root_);
  folder.stage("one", "new");
  folder.commit();
  EXPECT_EQ(content(root_ / "one"), "new");
}

TEST_F(OutputDirectoryTest, AFileInTheWayIsOneClearError) {
  std::ofstream(root_ / "file") << "x";
  for (const fs::path& path : {root_ / "file", root_ / "file" / "below"}) {
    try {
      const OutputDirectory folder(path);
      ADD_FAILURE() << path << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::failed);
      EXPECT_NE(std::string(error.what()).find((root_ / "file").string()), std::string::npos);
    }
  }
}

TEST_F(OutputDirectoryTest, AFolderThatCannotBeWrittenIsAnErrorAtOnce) {
  if (::geteuid() == 0) {
    EXPECT_THROW(OutputDirectory("/proc/tessera-output"), Error);  // permissions do not bind root
    return;
  }
  fs::permissions(root_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THROW(OutputDirectory(root_ / "new"), Error);
  EXPECT_THROW(OutputDirectory{root_}, Error);
  fs::permissions(root_, fs::perms::owner_all);
}

TEST_F(OutputDirectoryTest, AFolderUnderATargetNameIsFoundBeforeAnythingIsReplaced) {
  fs::create_directory(root_ / "two");
  OutputDirectory folder(root_);
  folder.stage("one", "1");
  folder.stage("two", "2");
  EXPECT_THROW(folder.commit(), Error);
  EXPECT_FALSE(fs::exists(root_ / "one"));
}

TEST(SafeFileName, StaysInsideTheFolder) {
  EXPECT_EQ(safe_file_name("logits"), "logits");
  EXPECT_EQ(safe_file_name("/layer.3/Conv_output"), "_layer.3_Conv_output");
  EXPECT_EQ(safe_file_name(".."), "_");
  EXPECT_EQ(safe_file_name("../x"), "_._x");
  EXPECT_EQ(safe_file_name(""), "_");
  EXPECT_LE(safe_file_name(std::string(1000, 'n')).size(), 200U);
}

}  // namespace
}  // namespace tessera
