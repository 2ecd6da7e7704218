// The passes, one function and one file each. What each recognises is written at the head of its file.
#pragma once

#include <vector>

#include "passes/pass.hpp"

namespace tessera::passes {

int eliminate(Graph& graph, std::vector<PassNote>& notes);
int fold_constants(Graph& graph, std::vector<PassNote>& notes);
int simplify_reshapes(Graph& graph, std::vector<PassNote>& notes);
int spell_out_einsum(Graph& graph, std::vector<PassNote>& notes);
int spell_out_attention(Graph& graph, std::vector<PassNote>& notes);
int transpose_matrices(Graph& graph, std::vector<PassNote>& notes);
int fold_batch_norm(Graph& graph, std::vector<PassNote>& notes);
int merge_equal(Graph& graph, std::vector<PassNote>& notes);
int fuse_dynamic_products(Graph& graph, std::vector<PassNote>& notes);
int make_integers_fit(Graph& graph, std::vector<PassNote>& notes);
int relax_qdq(Graph& graph, std::vector<PassNote>& notes);
int fuse_layer_norm(Graph& graph, std::vector<PassNote>& notes);
int fuse_rms_norm(Graph& graph, std::vector<PassNote>& notes);
int fuse_gelu(Graph& graph, std::vector<PassNote>& notes);
int fuse_activations(Graph& graph, std::vector<PassNote>& notes);
int pool_means(Graph& graph, std::vector<PassNote>& notes);
int fuse_linear(Graph& graph, std::vector<PassNote>& notes);
int fuse_conv(Graph& graph, std::vector<PassNote>& notes);
int fuse_rotary(Graph& graph, std::vector<PassNote>& notes);
int fuse_attention(Graph& graph, std::vector<PassNote>& notes);
int fuse_epilogue(Graph& graph, std::vector<PassNote>& notes);
int merge_qkv(Graph& graph, std::vector<PassNote>& notes);
int fold_qdq(Graph& graph, std::vector<PassNote>& notes);
int fuse_bf16_products(Graph& graph, std::vector<PassNote>& notes);

}  // namespace tessera::passes
