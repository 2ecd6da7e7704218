// SHA-256 of bytes, as lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace tessera {

/// Of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  /// Once, after the last piece.
  [[nodiscard]] std::string digits();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

std::string sha256(std::span<const std::byte> bytes);

}  // namespace tessera
