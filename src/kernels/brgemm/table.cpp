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

/// The higher tier; within a tier the kernel that holds all rows at once in the fewest of its own.
bool is_better(const BrgemmKernel& kernel, const BrgemmKernel& than, std::int64_t rows) {
  if (kernel.isa != than.isa) return includes(kernel.isa, than.isa);
  const bool holds = kernel.mr >= rows, other_holds = than.mr >= rows;
  if (holds != other_holds) return holds;
  return holds ? kernel.mr < than.mr : kernel.mr > than.mr;
}

}  // namespace

std::span<const BrgemmKernel> all_brgemm() noexcept {
  return kernels;
}

const BrgemmKernel* find_brgemm(DataType a, DataType b, Isa ceiling, std::int64_t rows) noexcept {
  const BrgemmKernel* best = nullptr;
  for (const BrgemmKernel& kernel : kernels) {
    if (kernel.a != a || kernel.b != b || !includes(ceiling, kernel.isa)) continue;
    if (best == nullptr || is_better(kernel, *best, rows)) best = &kernel;
  }
  return best;
}

}  // namespace tessera
