// What products of bytes cost on a CPU with tiles, and which kernel follows from it.
#include "compile/product/byte_costs.hpp"

#include <gtest/gtest.h>

namespace tessera {
namespace {

const MachineConstants& amx_machine = usual_constants(Isa::avx512_core_amx);

const BrgemmKernel& tiles(std::int64_t rows) {
  return *find_brgemm(DataType::u8, DataType::s8, Isa::avx512_core_amx, rows);
}
const BrgemmKernel& dot_products() {
  return *find_brgemm(DataType::u8, DataType::s8, Isa::avx512_core_vnni);
}

TEST(ByteCosts, CountProductsOfTilesByTheirRows) {
  MachineConstants only_products;
  only_products.tile_product_16 = 16;
  only_products.tile_product_8 = 10;
  only_products.tile_product_1 = 9.7;
  const auto cost = [&](std::int64_t rows, std::int64_t columns, std::int64_t k) {
    return cost_of_product(only_products, tiles(rows), {rows, columns, k});
  };
  EXPECT_DOUBLE_EQ(cost(32, 32, 64), 64);
  EXPECT_DOUBLE_EQ(cost(64, 33, 65), 2 * 2 * 2 * 64) << "whole panels, whole tiles of k";
  EXPECT_DOUBLE_EQ(cost(16, 64, 64), 64) << "one row of tiles";
  EXPECT_DOUBLE_EQ(cost(8, 64, 64), 40);
  EXPECT_DOUBLE_EQ(cost(1, 64, 64), 4 * 9.7);
  EXPECT_DOUBLE_EQ(cost(24, 32, 64), 52) << "twelve rows each, halfway between 10 and 16 cycles";
}

TEST(ByteCosts, OneRowWantsDotProductsAndManyWantTiles) {
  const auto tiles_are_cheaper = [](std::int64_t rows, std::int64_t columns, std::int64_t k) {
    const ProductSize size{rows, columns, k};
    return cost_of_product(amx_machine, tiles(rows), size) < cost_of_product(amx_machine, dot_products(), size);
  };
  EXPECT_FALSE(tiles_are_cheaper(1, 1000, 2048));
  EXPECT_FALSE(tiles_are_cheaper(2, 64, 64)) << "too little to configure tiles for";
  EXPECT_TRUE(tiles_are_cheaper(4, 768, 768));
  EXPECT_TRUE(tiles_are_cheaper(128, 768, 768));
}

TEST(ByteCosts, OfferEachKernelOnce) {
  for (const std::int64_t rows : {1, 16, 17, 200}) {
    const auto kernels = kernels_of_bytes(tiles(rows), Isa::avx512_core_amx, rows);
    ASSERT_EQ(kernels.size(), rows <= 16 ? 3U : 2U);
    EXPECT_EQ(kernels.front(), &tiles(rows));
    EXPECT_EQ(kernels.back(), &dot_products());
  }
}

}  // namespace
}  // namespace tessera
