// The table of replacements that SentencePiece compiles into its models ("Precompiled").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.hpp"

namespace tessera {

class CharacterMap final : public Normalizer {
 public:
  /// `bytes`: the size of a double-array trie (u32), the trie, and the strings it points into. Error{invalid} naming
  /// `origin` when they are cut short.
  CharacterMap(std::string_view bytes, const std::string& origin);
  [[nodiscard]] std::string normalized(std::string_view text) const override;

 private:
  /// What stands for the shortest beginning of `text` that is in the table.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const;

  std::vector<std::uint32_t> trie_;
  std::string strings_;
};

/// Error{invalid} naming `origin` for text that is no base64.
std::string decode_base64(std::string_view text, const std::string& origin);

}  // namespace tessera
