// Writes ZIP archives for tests of what reads them.
#pragma once

#include <gtest/gtest.h>
#include <minizip/zip.h>

#include <string>
#include <utility>
#include <vector>

namespace tessera::testing {

constexpr int stored = 0, deflated = 8;  // the numbers of the methods in the file

/// An archive of these names and contents.
inline void write_zip(const std::string& path, const std::vector<std::pair<std::string, std::string>>& entries,
                      int method = deflated) {
  const zipFile archive = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  ASSERT_NE(archive, nullptr);
  for (const auto& [name, bytes] : entries) {
    ASSERT_EQ(zipOpenNewFileInZip64(archive, name.c_str(), nullptr, nullptr, 0, nullptr, 0, nullptr, method, 6, 0),
              ZIP_OK);
    ASSERT_EQ(zipWriteInFileInZip(archive, bytes.data(), static_cast<unsigned>(bytes.size())), ZIP_OK);
    ASSERT_EQ(zipCloseFileInZip(archive), ZIP_OK);
  }
  ASSERT_EQ(zipClose(archive, nullptr), ZIP_OK);
}

}  // namespace tessera::testing
