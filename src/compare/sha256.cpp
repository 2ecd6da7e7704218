#include "compare/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <string_view>

#include "core/error.hpp"

namespace tessera {

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    fail("SHA-256", "the OpenSSL library does not offer it", "run without --hash");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15U];
  }
  return text;
}

}  // namespace tessera
