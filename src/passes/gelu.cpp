// Gelu from its parts, in every order of the three factors that exporters write:
//
//   x * 0.5 * (1 + Erf(x / sqrt(2)))                                   Gelu
//   x * 0.5 * (1 + Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))          Gelu, approximate = tanh
//
// The argument of Tanh is taken as a polynomial in x, whichever way its products, powers and sums are written.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "passes/match.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

/// x when `erf` computes Erf(x / sqrt(2)), else no_value.
ValueId argument_of(const Rewriter& rewriter, const Node& erf) {
  const Graph& graph = rewriter.graph();
  if (const Node* div = rewriter.producer(erf.inputs[0], "Div")) {
    return is_scalar(graph, div->inputs[1], std::numbers::sqrt2) ? div->inputs[0] : no_value;
  }
  if (const Node* mul = rewriter.producer(erf.inputs[0], "Mul")) {
    return pick_scalar(graph, *mul, 1 / std::numbers::sqrt2).other;
  }
  return no_value;
}

/// Coefficients of 1, x, x^2 and x^3.
using Polynomial = std::array<double, 4>;

/// What `value` is as a polynomial in x: of sums, products and powers of x and constants, a few nodes deep.
std::optional<Polynomial> polynomial_of(const Rewriter& rewriter, ValueId value, ValueId x, int depth = 8) {
  if (value == x) return Polynomial{0, 1, 0, 0};
  if (const auto number = scalar(rewriter.graph(), value)) return Polynomial{*number, 0, 0, 0};
  const int made_by = value == no_value || depth == 0 ? -1 : rewriter.uses().producer(value);
  if (made_by < 0) return std::nullopt;
  const Node& node = rewriter.node(static_cast<std::size_t>(made_by));
  if (node.op != "Add" && node.op != "Mul" && node.op != "Pow") return std::nullopt;
  const auto a = polynomial_of(rewriter, node.inputs[0], x, depth - 1);
  const auto b = a ? polynomial_of(rewriter, node.inputs[1], x, depth - 1) : std::nullopt;
  if (!b) return std::nullopt;
  Polynomial result{};
  if (node.op == "Add") {
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = (*a)[i] + (*b)[i];
    return result;
  }
  const auto times = [](const Polynomial& p, const Polynomial& q) -> std::optional<Polynomial> {
    Polynomial product{};
    for (std::size_t i = 0; i < p.size(); ++i) {
      for (std::size_t j = 0; j < q.size(); ++j) {
        if (p[i] == 0.0 || q[j] == 0.0) continue;
        if (i + j >= product.size()) return std::nullopt;
        product[i + j] += p[i] * q[j];
      }
    }
    return product;
  };
  if (node.op == "Mul") return times(*a, *b);
  const auto exponent = scalar(rewriter.graph(), node.inputs[1]);
  if (exponent == 2.0) return times(*a, *a);
  if (exponent != 3.0) return std::nullopt;
  const auto square = times(*a, *a);
  return square ? times(*square, *a) : std::nullopt;
}

/// x when `tanh` computes Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)), else no_value.
ValueId argument_of_tanh(const Rewriter& rewriter, const Node& tanh) {
  const double slope = std::sqrt(2.0 / std::numbers::pi);
  const Polynomial expected{0, slope, 0, 0.044715 * slope};
  // x is one of the few values that the argument is computed from.
  std::vector<ValueId> candidates{tanh.inputs[0]};
  for (std::size_t i = 0; i < candidates.size() && candidates.size() < 24; ++i) {
    const int made_by = rewriter.uses().producer(candidates[i]);
    if (made_by < 0) continue;
    const Node& node = rewriter.node(static_cast<std::size_t>(made_by));
    if (node.op != "Add" && node.op != "Mul" && node.op != "Pow") continue;
    for (const ValueId input : node.inputs) {
      if (rewriter.graph().value(input).is_constant()) continue;
      candidates.push_back(input);
      const auto found = polynomial_of(rewriter, tanh.inputs[0], input);
      const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-5 * std::abs(b); };
      if (found && std::equal(found->begin(), found->end(), expected.begin(), near)) return input;
    }
  }
  return no_value;
}

/// The nodes from Erf or Tanh to the product of all factors.
class GeluPattern {
 public:
  GeluPattern(Rewriter& rewriter, ValueId x) : rewriter_(rewriter), graph_(rewriter.graph()), x_(x) {}

  /// The node that computes the whole product, or null with the reason noted.
  const Node* last_after(const Node& erf) {
    const Node* sum = rewriter_.only_consumer(erf.outputs[0], "Add");
    if (sum == nullptr || !pick_scalar(graph_, *sum, 1.0)) return declined(erf, "no Add of 1 follows");
    const Node* first = rewriter_.only_consumer(sum->outputs[0], "Mul");
    if (first == nullptr) return declined(erf, "no Mul follows, or the sum is used elsewhere");
    const ValueId factor = first->inputs[0] == sum->outputs[0] ? first->inputs[1] : first->inputs[0];
    if (is_half_of_x(factor)) return first;  // (x * 0.5) * (1 + erf)
    const bool by_x = factor == x_;
    if (!by_x && !is_scalar(graph_, factor, 0.5)) return declined(erf, "the factors are not x and 0.5");
    const Node* second = rewriter_.only_consumer(first->outputs[0], "Mul");
    if (second == nullptr) return declined(erf, "the second factor is missing, or the product is used elsewhere");
    const ValueId other = second->inputs[0] == first->outputs[0] ? second->inputs[1] : second->inputs[0];
    if (by_x ? !is_scalar(graph_, other, 0.5) : other != x_) return declined(erf, "the factors are not x and 0.5");
    return second;
  }

 private:
  bool is_half_of_x(ValueId value) const {
    const Node* mul = rewriter_.producer(value, "Mul");
    return mul != nullptr && pick_scalar(graph_, *mul, 0.5).other == x_;
  }
  const Node* declined(const Node& erf, std::string why) {
    rewriter_.decline(erf, std::move(why));
    return nullptr;
  }

  Rewriter& rewriter_;
  const Graph& graph_;
  ValueId x_;
};

}  // namespace

namespace {

/// A Tanh of anything else is an activation of its own: passed over in silence.
void fuse_tanh_form(Rewriter& rewriter, const Node& tanh) {
  const ValueId x = argument_of_tanh(rewriter, tanh);
  if (x == no_value) return;
  const Node* last = GeluPattern(rewriter, x).last_after(tanh);
  if (last == nullptr) return;
  rewriter.replace(rewriter.index_of(*last), {"Gelu", tanh.name, {x}, {{"approximate", std::string("tanh")}}},
                   "became Gelu of the tanh form");
}

}  // namespace

int fuse_gelu(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "gelu", notes);
  for (std::size_t i = 0; i < rewriter.size(); ++i) {
    const Node& erf = rewriter.node(i);
    if (erf.op == "Tanh") fuse_tanh_form(rewriter, erf);
    if (erf.op != "Erf") continue;
    const ValueId x = argument_of(rewriter, erf);
    if (x == no_value) {
      rewriter.decline(erf, "its argument is not x / sqrt(2)");
      continue;
    }
    if (!rewriter.may_vanish(erf, erf.inputs[0])) continue;
    const Node* last = GeluPattern(rewriter, x).last_after(erf);
    if (last == nullptr) continue;
    rewriter.replace(rewriter.index_of(*last), {"Gelu", erf.name, {x}, {}}, "became Gelu");
  }
  return rewriter.count();
}

}  // namespace tessera::passes
