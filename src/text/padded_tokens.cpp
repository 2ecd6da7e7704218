#include "text/padded_tokens.hpp"

#include <algorithm>

namespace tessera {

PaddedTokens padded_tokens(std::span<const Encoding> texts, std::int64_t length, std::int64_t padding) {
  const Shape shape{static_cast<std::int64_t>(texts.size()), length};
  PaddedTokens batch{Tensor(DataType::i64, shape), Tensor(DataType::i64, shape), Tensor(DataType::i64, shape)};
  std::ranges::fill(batch.ids.mutable_as<std::int64_t>(), padding);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t offset = i * static_cast<std::size_t>(length);
    const auto row = [&](Tensor& tensor) {
      return tensor.mutable_as<std::int64_t>().begin() + static_cast<std::ptrdiff_t>(offset);
    };
    std::ranges::copy(texts[i].ids, row(batch.ids));
    std::ranges::copy(texts[i].types, row(batch.types));
    std::fill_n(row(batch.mask), texts[i].ids.size(), 1);
  }
  return batch;
}

}  // namespace tessera
