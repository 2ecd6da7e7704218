#include "c_api/values.hpp"

#include <algorithm>
#include <array>

#include "c_api/guard.hpp"
#include "core/error.hpp"

namespace tessera {
namespace {

// The numbers of the C API are written down in its header for good; those of C++ may move.
static_assert(static_cast<int>(DataType::f32) == TESSERA_TYPE_F32 &&
              static_cast<int>(DataType::bf16) == TESSERA_TYPE_BF16 &&
              static_cast<int>(DataType::u8) == TESSERA_TYPE_U8 && static_cast<int>(DataType::s8) == TESSERA_TYPE_S8 &&
              static_cast<int>(DataType::s16) == TESSERA_TYPE_S16 &&
              static_cast<int>(DataType::s32) == TESSERA_TYPE_S32 &&
              static_cast<int>(DataType::i64) == TESSERA_TYPE_I64 &&
              static_cast<int>(DataType::boolean) == TESSERA_TYPE_BOOL);
static_assert(Shape::max_rank == TESSERA_MAX_RANK);

struct Tier {
  tessera_isa c;
  Isa isa;
};
constexpr std::array tiers = {
    Tier{TESSERA_ISA_AVX2, Isa::avx2},
    Tier{TESSERA_ISA_AVX2_VNNI, Isa::avx2_vnni},
    Tier{TESSERA_ISA_AVX512_CORE, Isa::avx512_core},
    Tier{TESSERA_ISA_AVX512_CORE_VNNI, Isa::avx512_core_vnni},
    Tier{TESSERA_ISA_AVX512_CORE_BF16, Isa::avx512_core_bf16},
    Tier{TESSERA_ISA_AVX512_CORE_AMX, Isa::avx512_core_amx},
};
static_assert(tiers.size() == all_isas.size());

}  // namespace

DataType data_type(tessera_type type, const std::string& what) {
  if (tessera_type_size(type) == 0) reject(what, "type " + std::to_string(type) + " does not exist");
  return static_cast<DataType>(type);
}

Precision precision(tessera_precision precision) {
  switch (precision) {
    case TESSERA_PRECISION_FP32: return Precision::fp32;
    case TESSERA_PRECISION_BF16: return Precision::bf16;
    case TESSERA_PRECISION_INT8: return Precision::int8;
    case TESSERA_PRECISION_INT8_DYNAMIC: return Precision::int8_dynamic;
    case TESSERA_PRECISION_FORCE_32: break;
  }
  reject("precision", std::to_string(precision) + " does not exist", "use one of enum tessera_precision");
}

std::optional<Isa> isa(tessera_isa isa) {
  if (isa == TESSERA_ISA_BEST) return std::nullopt;
  const auto* const tier = std::ranges::find(tiers, isa, &Tier::c);
  if (tier == tiers.end()) reject("isa", std::to_string(isa) + " does not exist", "use one of enum tessera_isa");
  return tier->isa;
}

tessera_isa c_isa(Isa isa) noexcept {
  return std::ranges::find(tiers, isa, &Tier::isa)->c;
}

std::map<std::string, std::int64_t> extents(const tessera_extent* extents, std::size_t count) {
  if (count > 0) require(extents, "extents");
  std::map<std::string, std::int64_t> result;
  for (std::size_t i = 0; i < count; ++i) {
    require(extents[i].symbol, "extents.symbol");
    result[extents[i].symbol] = extents[i].value;
  }
  return result;
}

std::vector<std::string> strings(const char* const* strings, std::size_t count, const char* name) {
  if (count > 0) require(strings, name);
  std::vector<std::string> result;
  result.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (strings[i] == nullptr)
      reject(std::string(name) + " number " + std::to_string(i), "is NULL", "pass what the header asks for");
    result.emplace_back(strings[i]);
  }
  return result;
}

TensorView view_of(const tessera_tensor& tensor, const std::string& what) {
  const DataType type = data_type(tensor.type, what);
  if (tensor.rank > TESSERA_MAX_RANK)
    reject(what, std::to_string(tensor.rank) + " dimensions", "a tensor has at most 8");
  const Shape shape(std::span(tensor.shape, tensor.rank));
  if (tensor.data == nullptr && shape.elements() > 0) reject(what, "data is NULL");
  return {type, shape, static_cast<std::byte*>(tensor.data)};
}

Tensor borrowed(const tessera_tensor& tensor, const std::string& what) {
  const TensorView view = view_of(tensor, what);
  return {view.type, view.shape, nullptr, view.data};
}

tessera_tensor c_tensor(const char* name, const TensorView& view) {
  tessera_tensor tensor = {};
  tensor.name = name;
  tensor.type = static_cast<tessera_type>(view.type);
  tensor.rank = view.shape.rank();
  std::ranges::copy(view.shape.dims(), tensor.shape);
  tensor.data = view.data;
  return tensor;
}

}  // namespace tessera

extern "C" {

size_t tessera_type_size(tessera_type type) {
  const auto number = static_cast<unsigned>(type);
  return number <= TESSERA_TYPE_BOOL ? tessera::size_of(static_cast<tessera::DataType>(number)) : 0;
}

const char* tessera_isa_name(tessera_isa isa) {
  const auto* const tier = std::ranges::find(tessera::tiers, isa, &tessera::Tier::c);
  return tier == tessera::tiers.end() ? "" : tessera::name_of(tier->isa).data();  // from literals: they end in zero
}

}  // extern "C"
