// Texts of different length as the tensors that encoders take.
#pragma once

#include <cstdint>
#include <span>

#include "tessera/tensor.hpp"
#include "text/template.hpp"

namespace tessera {

struct PaddedTokens {
  Tensor ids, mask,
      types;  ///< i64 [texts, length] each; the mask is 1 where there is a token and 0 where there is none
};

/// Shorter texts are filled up with `padding`; none may be longer than `length`.
PaddedTokens padded_tokens(std::span<const Encoding> texts, std::int64_t length, std::int64_t padding);

}  // namespace tessera
