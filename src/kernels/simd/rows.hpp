// Walking a row in vectors and reading and writing it in any element type: what lets a kernel be written once for all
// of them.
//
//   with_reader(call.x, [&](auto read) {
//     for_each_vector(n, [&](std::int64_t i, auto lanes) { F32x16 x = read(row, i, lanes); ... });
//   });
#pragma once

#include "kernels/simd/f32x16.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {
namespace {

/// How many lanes of a vector are in the row: all, or the first n. Types, so that whole vectors cost no test.
struct Whole {};
struct First {
  int n;
};

/// Calls body(i, lanes) for i = 0, 16, 32, ... below n.
template <class Body>
TESSERA_INLINE void for_each_vector(std::int64_t n, const Body& body) {
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) body(i, Whole{});
  if (i < n) body(i, First{static_cast<int>(n - i)});
}

TESSERA_INLINE F32x16 load_f32(const void* p, Whole) {
  return load_f32(p);
}
TESSERA_INLINE F32x16 load_f32(const void* p, First lanes) {
  return load_f32_partial(p, lanes.n);
}
TESSERA_INLINE void store_f32(void* p, F32x16 x, Whole) {
  store_f32(p, x);
}
TESSERA_INLINE void store_f32(void* p, F32x16 x, First lanes) {
  store_f32_partial(p, x, lanes.n);
}
TESSERA_INLINE __m256i load_16x16(const void* p, Whole) {
  return load_16x16(p);
}
TESSERA_INLINE __m256i load_16x16(const void* p, First lanes) {
  return load_16x16_partial(p, lanes.n);
}
TESSERA_INLINE void store_16x16(void* p, __m256i x, Whole) {
  store_16x16(p, x);
}
TESSERA_INLINE void store_16x16(void* p, __m256i x, First lanes) {
  store_16x16_partial(p, x, lanes.n);
}
TESSERA_INLINE __m128i load_16x8(const void* p, Whole) {
  return load_16x8(p);
}
TESSERA_INLINE __m128i load_16x8(const void* p, First lanes) {
  return load_16x8_partial(p, lanes.n);
}
TESSERA_INLINE void store_16x8(void* p, __m128i x, Whole) {
  store_16x8(p, x);
}
TESSERA_INLINE void store_16x8(void* p, __m128i x, First lanes) {
  store_16x8_partial(p, x, lanes.n);
}

/// x in the lanes of the row, `other` in the rest.
TESSERA_INLINE F32x16 or_else(F32x16 x, F32x16, Whole) {
  return x;
}
TESSERA_INLINE F32x16 or_else(F32x16 x, F32x16 other, First lanes) {
  return select(first_lanes(lanes.n), x, other);
}

/// Elements of one type as floats. raw() leaves u8 undequantized; real(total, count) turns a sum of `count` raw values
/// into the sum of the reals they stand for.
template <DataType type>
struct Reader;

template <>
struct Reader<DataType::f32> {
  explicit Reader(const Dequantize&) {}
  template <class Lanes>
  TESSERA_MEMBER F32x16 raw(const std::byte* row, std::int64_t i, Lanes lanes) const {
    return load_f32(row + 4 * i, lanes);
  }
  TESSERA_MEMBER F32x16 real(F32x16 total, float) const { return total; }
  template <class Lanes>
  TESSERA_MEMBER F32x16 operator()(const std::byte* row, std::int64_t i, Lanes lanes) const {
    return raw(row, i, lanes);
  }
};

template <>
struct Reader<DataType::bf16> {
  explicit Reader(const Dequantize&) {}
  template <class Lanes>
  TESSERA_MEMBER F32x16 raw(const std::byte* row, std::int64_t i, Lanes lanes) const {
    return bf16_to_f32(load_16x16(row + 2 * i, lanes));
  }
  TESSERA_MEMBER F32x16 real(F32x16 total, float) const { return total; }
  template <class Lanes>
  TESSERA_MEMBER F32x16 operator()(const std::byte* row, std::int64_t i, Lanes lanes) const {
    return raw(row, i, lanes);
  }
};

template <>
struct Reader<DataType::u8> {
  explicit Reader(const Dequantize& q) : dequantizer_(dequantizer(q)) {}
  template <class Lanes>
  TESSERA_MEMBER F32x16 raw(const std::byte* row, std::int64_t i, Lanes lanes) const {
    return to_f32(u8_to_s32(load_16x8(row + i, lanes)));
  }
  /// Exact up to the product with the scale while 255 * count < 2^24.
  TESSERA_MEMBER F32x16 real(F32x16 total, float count) const {
    return mul(sub(total, mul(dequantizer_.zero_point, set1(count))), dequantizer_.scale);
  }
  template <class Lanes>
  TESSERA_MEMBER F32x16 operator()(const std::byte* row, std::int64_t i, Lanes lanes) const {
    return dequantize(raw(row, i, lanes), dequantizer_);
  }

 private:
  Dequantizer dequantizer_;
};

/// How Requantize is applied.
enum class Scaling { by_reciprocal, by_division };

/// Floats stored as elements of one type.
template <DataType type, Scaling scaling = Scaling::by_reciprocal>
struct Writer;

template <Scaling scaling>
struct Writer<DataType::f32, scaling> {
  explicit Writer(const Requantize&) {}
  template <class Lanes>
  TESSERA_MEMBER void operator()(std::byte* row, std::int64_t i, F32x16 x, Lanes lanes) const {
    store_f32(row + 4 * i, x, lanes);
  }
};

template <Scaling scaling>
struct Writer<DataType::bf16, scaling> {
  explicit Writer(const Requantize&) {}
  template <class Lanes>
  TESSERA_MEMBER void operator()(std::byte* row, std::int64_t i, F32x16 x, Lanes lanes) const {
    store_16x16(row + 2 * i, f32_to_bf16(x), lanes);
  }
};

template <Scaling scaling>
struct Writer<DataType::u8, scaling> {
  explicit Writer(const Requantize& q) : quantizer_(made(q)) {}
  template <class Lanes>
  TESSERA_MEMBER void operator()(std::byte* row, std::int64_t i, F32x16 x, Lanes lanes) const {
    store_16x8(row + i, f32_to_u8(x, quantizer_), lanes);
  }

 private:
  static auto made(const Requantize& q) {
    if constexpr (scaling == Scaling::by_division)
      return dividing_quantizer(q);
    else
      return quantizer(q);
  }
  decltype(made(Requantize{})) quantizer_;
};

/// Calls f with the reader or writer of the slice's type. Types the contract does not name do nothing: the plan never
/// asks for them.
template <class F>
TESSERA_INLINE void with_reader(const RowsIn& in, const F& f) {
  switch (in.type) {
    case DataType::f32: f(Reader<DataType::f32>(in.quantization)); break;
    case DataType::bf16: f(Reader<DataType::bf16>(in.quantization)); break;
    case DataType::u8: f(Reader<DataType::u8>(in.quantization)); break;
    default: break;
  }
}
template <Scaling scaling = Scaling::by_reciprocal, class F>
TESSERA_INLINE void with_writer(const RowsOut& out, const F& f) {
  switch (out.type) {
    case DataType::f32: f(Writer<DataType::f32, scaling>(out.quantization)); break;
    case DataType::bf16: f(Writer<DataType::bf16, scaling>(out.quantization)); break;
    case DataType::u8: f(Writer<DataType::u8, scaling>(out.quantization)); break;
    default: break;
  }
}

}  // namespace
}  // namespace tessera
