// Lowering: one function per kind of node turns it into steps. lower.cpp lists them; an op without an entry runs as
// plain reference code (ReferenceStep) and says so in `explain`.
#pragma once

#include "compile/layout/builder.hpp"

namespace tessera {

/// Emits the steps of one node. False when this node is not of the form the function handles (types, constants): the
/// next choice is tried.
using Lowering = bool (*)(Builder& builder, const Node& node);

/// Emits the steps of `node` by the first lowering that takes it, the reference otherwise.
void lower(Builder& builder, const Node& node);

bool lower_conv(Builder& builder, const Node& node);             ///< Conv, FusedConv
bool lower_linear(Builder& builder, const Node& node);           ///< FusedMatMul; MatMul and Gemm with constant weights
bool lower_product(Builder& builder, const Node& node);          ///< MatMul of two computed operands
bool lower_attention(Builder& builder, const Node& node);        ///< FusedAttention
bool lower_select(Builder& builder, const Node& node);           ///< Where
bool lower_gather_elements(Builder& builder, const Node& node);  ///< along the last axis
bool lower_concat(Builder& builder, const Node& node);           ///< Concat of activations
bool lower_movement(Builder& builder,
                    const Node& node);  ///< Transpose, Slice, Split, Gather, Expand, Tile, DepthToSpace, SpaceToDepth
bool lower_placed(Builder& builder, const Node& node);         ///< Pad, Resize by the nearest element, Gather
bool lower_interpolation(Builder& builder, const Node& node);  ///< Resize by linear and cubic interpolation
bool lower_reduction(Builder& builder, const Node& node);      ///< ReduceSum and its like of f32
bool lower_einsum(Builder& builder, const Node& node);         ///< Einsum of two operands
bool lower_rotary(Builder& builder, const Node& node);         ///< FusedRotary
bool lower_pool(Builder& builder, const Node& node);           ///< MaxPool, AveragePool, GlobalAveragePool
bool lower_layer_norm(Builder& builder, const Node& node);     ///< and RMSNormalization, over the last axis
bool lower_softmax(Builder& builder, const Node& node);        ///< Softmax
bool lower_elementwise(Builder& builder,
                       const Node& node);  ///< Add, Sub, Mul, Div, Relu, Gelu, Tanh where no broadcasting is needed
bool lower_negative(Builder& builder, const Node& node);  ///< Neg
bool lower_convert(Builder& builder,
                   const Node& node);  ///< QuantizeLinear, DequantizeLinear per tensor; Cast f32 <-> bf16
bool lower_view(Builder& builder,
                const Node& node);  ///< Reshape, Flatten, Squeeze, Unsqueeze, Identity of dense values
bool lower_table(Builder& builder, const Node& node);      ///< Gather of rows of a constant that lies in a file
bool lower_elements(Builder& builder, const Node& node);   ///< element by element, by plain code on all threads
bool lower_reference(Builder& builder, const Node& node);  ///< whatever has a reference evaluator

}  // namespace tessera
