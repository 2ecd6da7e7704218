// Element types of tensors, with the names used in dumps, reports and error messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tessera/bfloat16.hpp"

namespace tessera {

/// s16 exists inside kernels only; no model file is read or written with it.
enum class DataType : std::uint8_t { f32, bf16, u8, s8, s16, s32, i64, boolean };

constexpr std::size_t size_of(DataType type) noexcept {
  switch (type) {
    case DataType::f32: return 4;
    case DataType::bf16: return 2;
    case DataType::u8: return 1;
    case DataType::s8: return 1;
    case DataType::s16: return 2;
    case DataType::s32: return 4;
    case DataType::i64: return 8;
    case DataType::boolean: return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DataType type) noexcept {
  switch (type) {
    case DataType::f32: return "f32";
    case DataType::bf16: return "bf16";
    case DataType::u8: return "u8";
    case DataType::s8: return "s8";
    case DataType::s16: return "s16";
    case DataType::s32: return "s32";
    case DataType::i64: return "i64";
    case DataType::boolean: return "bool";
  }
  return "?";
}

/// The DataType that stores a C++ type: data_type_of<float> == DataType::f32.
template <typename T>
inline constexpr DataType data_type_of = DataType::f32;
template <>
inline constexpr DataType data_type_of<bfloat16> = DataType::bf16;
template <>
inline constexpr DataType data_type_of<std::uint8_t> = DataType::u8;
template <>
inline constexpr DataType data_type_of<std::int8_t> = DataType::s8;
template <>
inline constexpr DataType data_type_of<std::int16_t> = DataType::s16;
template <>
inline constexpr DataType data_type_of<std::int32_t> = DataType::s32;
template <>
inline constexpr DataType data_type_of<std::int64_t> = DataType::i64;
template <>
inline constexpr DataType data_type_of<bool> = DataType::boolean;

}  // namespace tessera
