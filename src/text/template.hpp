// What stands around a text: [CLS] before it, [SEP] after it and between two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera {

/// Token ids of a text, and for each whether it belongs to the first part of a pair (0) or to the second (1).
struct Encoding {
  std::vector<std::int64_t> ids, types;
};

struct TemplatePart {
  enum class Kind : std::uint8_t { token, first, second };
  Kind kind = Kind::token;
  std::int64_t id = 0;  ///< of a token
  std::int64_t type = 0;
};

class TokenTemplate {
 public:
  /// The texts as they are.
  TokenTemplate() = default;
  TokenTemplate(std::vector<TemplatePart> single, std::vector<TemplatePart> pair)
      : single_(std::move(single)), pair_(std::move(pair)) {}

  /// How many tokens are added.
  [[nodiscard]] std::size_t added() const;
  [[nodiscard]] std::size_t added_to_pair() const;

  [[nodiscard]] Encoding around(const std::vector<std::int64_t>& text) const;
  [[nodiscard]] Encoding around(const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& second) const;

 private:
  using Kind = TemplatePart::Kind;
  std::vector<TemplatePart> single_{{Kind::first, 0, 0}};
  std::vector<TemplatePart> pair_{{Kind::first, 0, 0}, {Kind::second, 0, 1}};
};

}  // namespace tessera
