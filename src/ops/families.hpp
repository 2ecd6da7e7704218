// The op families: one function per file, each returning the definitions it holds. A new op goes into the family it
// resembles; a new family gets a line here and one in registry.cpp.
#pragma once

#include <vector>

#include "ops/op.hpp"

namespace tessera {

// Moving, selecting and describing data.
std::vector<OpSchema> shape_ops();
std::vector<OpSchema> movement_ops();
std::vector<OpSchema> select_ops();
std::vector<OpSchema> join_ops();
std::vector<OpSchema> pad_ops();
std::vector<OpSchema> depth_space_ops();
std::vector<OpSchema> cast_ops();
std::vector<OpSchema> compare_ops();

// Arithmetic.
std::vector<OpSchema> elementwise_ops();
std::vector<OpSchema> activation_ops();
std::vector<OpSchema> reduce_ops();
std::vector<OpSchema> normalization_ops();
std::vector<OpSchema> convolution_ops();
std::vector<OpSchema> pooling_ops();
std::vector<OpSchema> matmul_ops();
std::vector<OpSchema> quantization_ops();
std::vector<OpSchema> dynamic_quantization_ops();
std::vector<OpSchema> fused_ops();

// Less common ones.
std::vector<OpSchema> unary_math_ops();
std::vector<OpSchema> gather_scatter_ops();
std::vector<OpSchema> scan_ops();
std::vector<OpSchema> resize_ops();
std::vector<OpSchema> group_norm_ops();
std::vector<OpSchema> einsum_ops();
std::vector<OpSchema> conv_transpose_ops();
std::vector<OpSchema> attention_ops();
std::vector<OpSchema> rotary_ops();

}  // namespace tessera
