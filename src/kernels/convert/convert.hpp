// Element type conversion with quantization and dequantization.
#pragma once

#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

void convert(const ConvertCall& call) {
  with_reader(call.x, [&](const auto& read) TESSERA_LAMBDA {
    with_writer<Scaling::by_division>(call.y, [&](const auto& write) TESSERA_LAMBDA {
      for (std::int64_t r = 0; r < call.rows; ++r) {
        const std::byte* const x = call.x.data + r * call.x.stride;
        std::byte* const y = call.y.data + r * call.y.stride;
        for_each_vector(call.n,
                        [&](std::int64_t i, auto lanes) TESSERA_LAMBDA { write(y, i, read(x, i, lanes), lanes); });
      }
    });
  });
}

}  // namespace
}  // namespace tessera
