// AtomicFile: complete or not at all, also when the disk is full.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "formats/atomic_file.hpp"
#include "formats/mapped_file.hpp"
#include "unit/formats/support.hpp"

namespace tessera::formats_testing {
namespace {

TEST(AtomicFile, AppearsWhenCommitted) {
  TemporaryFolder folder;
  const std::string path = folder.file("out.bin");
  std::string expected;
  {
    AtomicFile file(path);
    for (int i = 0; i < 1000; ++i) {  // small pieces and large ones, across the buffer's end
      const std::string piece(static_cast<std::size_t>(i % 100 == 99 ? 300'000 : i), static_cast<char>('a' + i % 26));
      file.write(piece);
      expected += piece;
    }
    EXPECT_EQ(file.position(), expected.size());
    EXPECT_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  EXPECT_EQ(read_bytes(path), expected);
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  TemporaryFolder folder;
  write_bytes(folder.file("kept.bin"), "old");
  {
    AtomicFile fresh(folder.file("fresh.bin")), kept(folder.file("kept.bin"));
    fresh.write("new");
    kept.write("new");
    fresh.finish();
  }
  EXPECT_EQ(folder.entries(), 1U);
  EXPECT_EQ(read_bytes(folder.file("kept.bin")), "old");
}

TEST(AtomicFile, FollowsLinksAndObeysTheUmask) {
  TemporaryFolder folder;
  write_bytes(folder.file("target.bin"), "old");
  std::filesystem::create_symlink("target.bin", folder.file("link.bin"));
  const mode_t before = ::umask(027);
  AtomicFile file(folder.file("link.bin"));
  ::umask(before);
  file.write("new");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link.bin")));
  EXPECT_EQ(read_bytes(folder.file("target.bin")), "new");
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(folder.file("target.bin")).permissions()), 0640U);
}

// A limit on the file size stands in for a full disk: write() stops half way and fails.
TEST(AtomicFile, LeavesNothingWhenThereIsNoRoom) {
  TemporaryFolder folder;
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 100'000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(ErrorKind::failed, {"out.bin", "cannot write", "File too large"}, [&] {
    AtomicFile file(folder.file("out.bin"));
    file.write(std::string(1'000'000, 'x'));
    file.commit();
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(MappedFile, HoldsTheBytes) {
  TemporaryFolder folder;
  write_bytes(folder.file("a"), "hello");
  const auto file = MappedFile::open(folder.file("a"));
  ASSERT_EQ(file->bytes().size(), 5U);
  EXPECT_EQ(static_cast<char>(file->bytes()[4]), 'o');
  write_bytes(folder.file("empty"), "");
  EXPECT_TRUE(MappedFile::open(folder.file("empty"))->bytes().empty());
}

}  // namespace
}  // namespace tessera::formats_testing
