#include "formats/folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "unit/formats/support.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::string words(const std::vector<FolderEntry>& entries) {
  std::string all;
  for (const FolderEntry& entry : entries)
    all += entry.name + (entry.is_folder ? " folder" : "") + (entry.is_file ? " file" : "") +
           (entry.is_link ? " link" : "") + "\n";
  return all;
}

TEST(Folder, ListsWhatItHoldsByName) {
  const formats_testing::TemporaryFolder folder;
  for (const char* name : {"b.npy", "a.npz", ".hidden"}) formats_testing::write_bytes(folder.file(name), "x");
  fs::create_directory(folder.file("c"));
  fs::create_symlink(folder.file("a.npz"), folder.file("to_file"));
  fs::create_directory_symlink(folder.file("c"), folder.file("to_folder"));
  fs::create_symlink(folder.file("nowhere"), folder.file("to_nothing"));
  std::error_code error;
  EXPECT_EQ(
      words(entries_of(folder.path(), error)),
      ".hidden file\na.npz file\nb.npy file\nc folder\nto_file file link\nto_folder folder link\nto_nothing link\n");
  EXPECT_FALSE(error);
}

TEST(Folder, WhatIsNoFolderIsAnError) {
  const formats_testing::TemporaryFolder folder;
  formats_testing::write_bytes(folder.file("file"), "x");
  std::error_code error;
  EXPECT_TRUE(entries_of(folder.file("file"), error).empty());
  EXPECT_EQ(error, std::errc::not_a_directory);
  EXPECT_TRUE(entries_of(folder.file("nothing"), error).empty());
  EXPECT_EQ(error, std::errc::no_such_file_or_directory);
}

TEST(Folder, ANameInItHasOneSlash) {
  EXPECT_EQ(path_in("a", "b"), "a/b");
  EXPECT_EQ(path_in("a/", "b"), "a/b");
  EXPECT_EQ(path_in("/", "b"), "/b");
  EXPECT_EQ(path_in("", "b"), "b");
  EXPECT_EQ(path_in("a", ""), "a");
}

TEST(Folder, AnExtensionStandsBehindAName) {
  const auto file = [](const char* name) { return FolderEntry{.name = name, .is_file = true}; };
  EXPECT_TRUE(has_extension(file("a.npy"), {".npz", ".npy"}));
  EXPECT_FALSE(has_extension(file(".npy"), {".npz", ".npy"}));
  EXPECT_FALSE(has_extension(file("npy"), {".npz", ".npy"}));
  EXPECT_FALSE(has_extension({.name = "a.npy", .is_folder = true}, {".npy"}));
}

}  // namespace
}  // namespace tessera
