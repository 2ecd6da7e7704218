// The list of passes and the loop that runs it.
#include <algorithm>
#include <array>
#include <string>

#include "core/error.hpp"
#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "passes/pass.hpp"
#include "passes/passes.hpp"

namespace tessera {
namespace {

using namespace passes;

// What relies on what:
// - folding makes weights, scales and axes constants, which every later pattern asks for;
// - Einsum becomes a product before that, since it leaves constant weights in another order of axes;
// - Attention is spelled out before anything looks at its parts;
// - reshape targets lose their Shape nodes before anything is fused, or those would count as users of interior values;
// - BatchNormalization goes into Conv before Conv becomes FusedConv;
// - dynamically quantized products become products by dequantized weights, whose integers are looked at next;
// - integers have the types of the kernels before anything asks what they stand for;
// - Quantize/Dequantize pairs that stand inside a pattern go before the pattern is looked for;
// - GELU and other activations of several nodes are whole before they can become an epilogue, the epilogues are in
// place before integers are pushed through them;
// - rotary positions are one node, through which attention looks for its heads;
// - attention adds up what each layer adds to its scores, and all layers may add the same;
// - projections are merged only once attention is known, and before quantization so that integers see one product;
// - layers that the file wants in bf16 are looked at when it is settled which ones are integers.
constexpr std::array<Pass, 26> passes_in_order{{
    {"eliminate", &eliminate},
    {"spell_out_einsum", &spell_out_einsum},
    {"constant_folding", &fold_constants},
    {"spell_out_attention", &spell_out_attention},
    {"reshape_targets", &simplify_reshapes},
    {"matrix_transposes", &transpose_matrices},
    {"batch_norm_folding", &fold_batch_norm},
    {"dynamic_products", &fuse_dynamic_products},
    {"integer_types", &make_integers_fit},
    {"relax_qdq", &relax_qdq},
    {"merge_equal", &merge_equal},
    {"layer_norm", &fuse_layer_norm},
    {"rms_norm", &fuse_rms_norm},
    {"gelu", &fuse_gelu},
    {"activations", &fuse_activations},
    {"pool_means", &pool_means},
    {"linear", &fuse_linear},
    {"conv", &fuse_conv},
    {"rotary", &fuse_rotary},
    {"attention", &fuse_attention},
    {"merge_equal", &merge_equal},
    {"epilogue", &fuse_epilogue},
    {"qkv_merge", &merge_qkv},
    {"fold_qdq", &fold_qdq},
    {"bf16_products", &fuse_bf16_products},
    {"eliminate", &eliminate},
}};
/// The first pass that puts ops of Tessera's own, or patterns only Tessera computes as one, into the graph.
constexpr std::string_view first_fusing_pass = "dynamic_products";

std::size_t standard_head() {
  const auto same = [](const Pass& pass) { return pass.name == first_fusing_pass; };
  return static_cast<std::size_t>(std::ranges::find_if(passes_in_order, same) - passes_in_order.begin());
}

void check_invariants(const Graph& graph, std::string_view pass) {
  try {
    graph.validate();
  } catch (const Error& error) {
    fail("pass " + std::string(pass), std::string("left a broken graph (") + error.what() + ")",
         "report this; --opt-level 0 runs the model without passes");
  }
}

}  // namespace

std::span<const Pass> default_passes() noexcept {
  return passes_in_order;
}

std::span<const Pass> standard_passes() noexcept {
  return std::span<const Pass>(passes_in_order).first(standard_head());
}

std::span<const Pass> fusing_passes() noexcept {
  return std::span<const Pass>(passes_in_order).subspan(standard_head());
}

void run_passes(Graph& graph, std::span<const Pass> passes, std::vector<PassNote>* notes) {
  std::vector<PassNote> unwanted;
  std::vector<PassNote>& log = notes != nullptr ? *notes : unwanted;
  infer_shapes(graph);
  for (const Pass& pass : passes) {
    if (pass.run(graph, log) == 0) continue;
    graph.remove_unused();
    check_invariants(graph, pass.name);
    infer_shapes(graph);
  }
}

}  // namespace tessera
