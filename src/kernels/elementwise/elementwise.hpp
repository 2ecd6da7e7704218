// One or two operands, an operation, an activation. Types and operation are chosen vector by vector: the branches
// always go the same way, memory is the limit, and the alternative is hundreds of instantiations.
#pragma once

#include "kernels/simd/math.hpp"
#include "kernels/simd/rows.hpp"

namespace tessera {
namespace {

TESSERA_INLINE F32x16 combine(Binary op, F32x16 a, F32x16 b) {
  switch (op) {
    case Binary::add: return add(a, b);
    case Binary::sub: return sub(a, b);
    case Binary::mul: return mul(a, b);
    case Binary::div: return div(a, b);
  }
  return a;
}

/// A reader of whichever type the slice has.
class AnyReader {
 public:
  explicit AnyReader(const RowsIn& in) : type_(in.type), u8_(in.quantization) {}
  template <class Lanes>
  TESSERA_MEMBER F32x16 operator()(const std::byte* row, std::int64_t i, Lanes lanes) const {
    if (type_ == DataType::f32) return load_f32(row + 4 * i, lanes);
    if (type_ == DataType::bf16) return bf16_to_f32(load_16x16(row + 2 * i, lanes));
    return u8_(row, i, lanes);
  }

 private:
  DataType type_;
  Reader<DataType::u8> u8_;
};

void elementwise(const ElementwiseCall& call) {
  const AnyReader read_a(call.a), read_b(call.b);
  const bool binary = call.b.data != nullptr;
  with_writer(call.y, [&](const auto& write) TESSERA_LAMBDA {
    for (std::int64_t r = 0; r < call.rows; ++r) {
      const std::byte* const a = call.a.data + r * call.a.stride;
      const std::byte* const b = binary ? call.b.data + r * call.b.stride : nullptr;
      std::byte* const y = call.y.data + r * call.y.stride;
      for_each_vector(call.n, [&](std::int64_t i, auto lanes) TESSERA_LAMBDA {
        F32x16 x = read_a(a, i, lanes);
        if (binary) x = combine(call.op, x, read_b(b, i, lanes));
        write(y, i, activate(call.activation, call.parameters, x), lanes);
      });
    }
  });
}

}  // namespace
}  // namespace tessera
