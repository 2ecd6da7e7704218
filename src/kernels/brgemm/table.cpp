#include <array>

#include "kernels/brgemm/kernels.hpp"

namespace tessera {
namespace {

constexpr std::array kernels = {
#define KERNEL(function, name, tier, a, b, mr, nr, k_group) \
  BrgemmKernel{name, Isa::tier, DataType::a, DataType::b, mr, nr, k_group, function},
#include "kernels/brgemm/kernels.inc"
#undef KERNEL
};

}  // namespace

std::span<const BrgemmKernel> all_brgemm() noexcept {
  return kernels;
}

const BrgemmKernel* find_brgemm(DataType a, DataType b, Isa ceiling) noexcept {
  const BrgemmKernel* best = nullptr;
  for (const BrgemmKernel& kernel : kernels) {
    if (kernel.a != a || kernel.b != b || !includes(ceiling, kernel.isa)) continue;
    if (best == nullptr || includes(kernel.isa, best->isa)) best = &kernel;
  }
  return best;
}

}  // namespace tessera
