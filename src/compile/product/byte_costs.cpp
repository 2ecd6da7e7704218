#include "compile/product/byte_costs.hpp"

#include <algorithm>

namespace tessera {
namespace {

constexpr std::int64_t tile_rows = 16, tile_columns = 16, tile_k = 64;

std::int64_t divided_up(std::int64_t value, std::int64_t by) {
  return (value + by - 1) / by;
}

/// A product of tiles takes longer by the row, except that few rows take as long as several.
double product_of_rows(const MachineConstants& machine, double rows) {
  const auto between = [rows](double from, double to, double low, double high) {
    return low + (high - low) * (rows - from) / (to - from);
  };
  return rows <= 8 ? between(1, 8, machine.tile_product_1, machine.tile_product_8)
                   : between(8, tile_rows, machine.tile_product_8, machine.tile_product_16);
}

double cost_in_tiles(const MachineConstants& machine, const BrgemmKernel& kernel, const ProductSize& size) {
  // Rows are divided evenly, into parts and then into tiles (kernels/brgemm/amx_block.hpp).
  const std::int64_t parts = divided_up(size.rows, kernel.mr);
  const std::int64_t tiles = parts * divided_up(divided_up(size.rows, parts), tile_rows);
  const double rows = static_cast<double>(size.rows) / static_cast<double>(tiles);
  const std::int64_t columns = divided_up(size.columns, kernel.nr) * kernel.nr / tile_columns;
  const auto products = static_cast<double>(tiles * columns * divided_up(size.k, tile_k));
  return products * product_of_rows(machine, rows) + machine.tile_configuration;
}

}  // namespace

double cost_of_product(const MachineConstants& machine, const BrgemmKernel& kernel, const ProductSize& size) {
  if (size.rows <= 0) return 0;
  const double reading = static_cast<double>(size.columns) * static_cast<double>(size.k) * machine.weight_byte;
  if (has_tiles(kernel.isa)) return reading + cost_in_tiles(machine, kernel, size);
  const auto columns = static_cast<double>(divided_up(size.columns, kernel.nr) * kernel.nr);
  return reading + static_cast<double>(size.rows) * columns * static_cast<double>(size.k) * machine.dot;
}

std::vector<const BrgemmKernel*> kernels_of_bytes(const BrgemmKernel& usual, Isa ceiling, std::int64_t rows) {
  std::vector<const BrgemmKernel*> kernels = {&usual};
  const auto add = [&](Isa isa, std::int64_t for_rows) {
    const BrgemmKernel* const kernel = find_brgemm(DataType::u8, DataType::s8, isa, for_rows);
    if (std::ranges::find(kernels, kernel) == kernels.end()) kernels.push_back(kernel);
  };
  if (rows <= tile_rows) add(ceiling, many_rows);
  add(Isa::avx512_core_vnni, rows);
  return kernels;
}

}  // namespace tessera
