// Einsum: sums of products over named axes. The plain way over every combination of indices; an ellipsis stands for
// axes that are broadcast.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "ops/einsum.hpp"
#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/helpers.hpp"

namespace tessera {
namespace {

constexpr std::size_t max_operands = 8;
constexpr std::size_t max_labels = 16;

/// One letter per axis; the axes of an ellipsis are '0', '1' ... counted from the last.
struct Term {
  std::array<char, Shape::max_rank> labels{};
  std::size_t count = 0;

  [[nodiscard]] std::string_view text() const noexcept { return {labels.data(), count}; }
};

struct Equation {
  std::array<Term, max_operands> operands;
  Term result;
};

/// The labels of one term for a tensor of that rank. `ellipsis`: how many axes "..." stands for.
Term read_term(const Node& node, std::string_view text, std::size_t ellipsis) {
  Term term;
  const auto push = [&](char label) {
    if (term.count == Shape::max_rank) node_error(node, "attribute equation has a term of too many axes");
    term.labels[term.count++] = label;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "...") {
      for (std::size_t axis = ellipsis; axis-- > 0;) push(static_cast<char>('0' + axis));
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
      push(text[i]);
    } else {
      node_error(node, "attribute equation has the character " + std::string(1, text[i]));
    }
  }
  return term;
}

std::size_t letters_in(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; }));
}

/// Without "->" the result has the ellipsis, then in the order of the alphabet the letters that occur once.
Term implied_result(const Node& node, std::string_view operands, std::size_t ellipsis) {
  Term term = operands.find("...") == std::string_view::npos ? Term{} : read_term(node, "...", ellipsis);
  for (int letter = 'A'; letter <= 'z'; ++letter) {
    const auto c = static_cast<char>(letter);
    if (std::isalpha(letter) == 0 || std::count(operands.begin(), operands.end(), c) != 1) continue;
    if (term.count == Shape::max_rank) node_error(node, "the result of its equation has too many axes");
    term.labels[term.count++] = c;
  }
  return term;
}

/// `rank_of(i)`: the rank of operand i.
template <typename RankOf>
Equation read_equation(const Node& node, std::size_t operands, const RankOf& rank_of) {
  if (operands == 0 || operands > max_operands) node_error(node, "it has more operands than are supported");
  const std::string_view text = text_attribute(node, "equation", "");
  const std::size_t arrow = text.find("->");
  const std::string_view left = text.substr(0, arrow);
  Equation equation;
  std::size_t ellipsis = 0, at = 0;
  std::array<std::string_view, max_operands> terms;
  for (std::size_t i = 0; i < operands; ++i) {
    const std::size_t comma = left.find(',', at);
    if ((comma == std::string_view::npos) != (i + 1 == operands))
      node_error(node, "attribute equation does not have one term per input");
    terms[i] = left.substr(at, comma == std::string_view::npos ? comma : comma - at);
    at = comma + 1;
    const std::size_t letters = letters_in(terms[i]), rank = rank_of(i);
    const bool open = terms[i].find("...") != std::string_view::npos;
    if (letters > rank || (!open && letters != rank))
      node_error(node, "term " + std::string(terms[i]) + " does not fit an input of rank " + std::to_string(rank));
    if (open) ellipsis = std::max(ellipsis, rank - letters);
  }
  for (std::size_t i = 0; i < operands; ++i)
    equation.operands[i] = read_term(node, terms[i], rank_of(i) - letters_in(terms[i]));
  equation.result = arrow == std::string_view::npos ? implied_result(node, left, ellipsis)
                                                    : read_term(node, text.substr(arrow + 2), ellipsis);
  return equation;
}

void infer_einsum(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  const Equation equation =
      read_equation(node, node.inputs.size(), [&](std::size_t i) { return input_value(graph, node, i).shape.rank(); });
  std::array<Dim, 128> extents;
  std::array<bool, 128> seen{};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const SymbolicShape& shape = input_value(graph, node, i).shape;
    for (std::size_t axis = 0; axis < equation.operands[i].count; ++axis) {
      const auto label = static_cast<std::size_t>(equation.operands[i].labels[axis]);
      extents[label] = seen[label] ? broadcast_dim(node, extents[label], shape.dims[axis]) : shape.dims[axis];
      seen[label] = true;
    }
  }
  std::vector<Dim> dims;
  for (const char label : equation.result.text()) {
    if (!seen[static_cast<std::size_t>(label)])
      node_error(node, std::string("label ") + label + " of the result is in no input");
    dims.push_back(extents[static_cast<std::size_t>(label)]);
  }
  set_output(graph, node, 0, DataType::f32, SymbolicShape(std::move(dims)));
}

/// All labels: those of the result first, then those that are summed over; with the stride of each operand.
struct Loops {
  std::array<char, max_labels> labels{};
  std::array<std::int64_t, max_labels> extents{};
  std::array<std::array<std::int64_t, max_labels>, max_operands> strides{};
  std::size_t count = 0, kept = 0;

  std::size_t place(const Node& node, char label) {
    for (std::size_t i = 0; i < count; ++i)
      if (labels[i] == label) return i;
    if (count == max_labels) node_error(node, "its equation has more labels than are supported");
    labels[count] = label;
    extents[count] = 1;
    return count++;
  }
};

Loops loops_of(const Node& node, const Equation& equation, std::span<const TensorView> inputs) {
  Loops loops;
  for (const char label : equation.result.text()) loops.place(node, label);
  loops.kept = loops.count;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::int64_t step = 1;
    for (std::size_t axis = equation.operands[i].count; axis-- > 0;) {
      const std::size_t at = loops.place(node, equation.operands[i].labels[axis]);
      const std::int64_t extent = inputs[i].shape[axis];
      loops.extents[at] = std::max(loops.extents[at], extent);
      if (extent > 1) loops.strides[i][at] += step;  // a label that occurs twice walks the diagonal
      step *= extent;
    }
  }
  return loops;
}

/// Advances the labels in [first, last); false when all combinations have been visited.
bool advance(const Loops& loops, std::array<std::int64_t, max_labels>& index, std::size_t first, std::size_t last) {
  for (std::size_t i = last; i-- > first;) {
    if (++index[i] < loops.extents[i]) return true;
    index[i] = 0;
  }
  return false;
}

void evaluate_einsum(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const Equation equation = read_equation(node, inputs.size(), [&](std::size_t i) { return inputs[i].shape.rank(); });
  const Loops loops = loops_of(node, equation, inputs);
  std::array<std::int64_t, max_labels> index{};
  const bool empty =
      std::any_of(inputs.begin(), inputs.end(), [](const TensorView& x) { return x.shape.elements() == 0; });
  for (float& y : outputs[0].as<float>()) {
    float sum = 0.0F;
    if (!empty) {
      do {
        float product = 1.0F;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          std::int64_t at = 0;
          for (std::size_t label = 0; label < loops.count; ++label) at += index[label] * loops.strides[i][label];
          product *= inputs[i].as<float>()[static_cast<std::size_t>(at)];
        }
        sum += product;
      } while (advance(loops, index, loops.kept, loops.count));
    }
    y = sum;
    advance(loops, index, 0, loops.kept);
  }
}

bool names_twice(const std::string& term) {
  for (std::size_t i = 0; i < term.size(); ++i)
    if (term.find(term[i], i + 1) != std::string::npos) return true;
  return false;
}

}  // namespace

std::optional<EinsumProduct> einsum_product_of(const Node& node, std::array<std::size_t, 2> ranks) {
  if (node.op != "Einsum" || node.inputs.size() != 2) return std::nullopt;
  const Equation equation = read_equation(node, 2, [&](std::size_t i) { return ranks[i]; });
  EinsumProduct product;
  for (std::size_t i = 0; i < 2; ++i) product.operands[i] = equation.operands[i].text();
  product.result = equation.result.text();
  const auto& [a, b] = product.operands;
  if (names_twice(a) || names_twice(b) || names_twice(product.result)) return std::nullopt;
  const auto holds = [](const std::string& term, char label) { return term.find(label) != std::string::npos; };
  for (const char label : product.result) {
    if (holds(a, label) && holds(b, label))
      product.items += label;
    else
      (holds(a, label) ? product.rows : product.columns) += label;
  }
  for (const std::string* term : {&a, &b})
    for (const char label : *term) {
      if (holds(product.result, label)) continue;
      if (!holds(a, label) || !holds(b, label)) return std::nullopt;
      if (term == &a) product.depth += label;
    }
  return product;
}

std::vector<OpSchema> einsum_ops() {
  return {{"Einsum",
           1,
           static_cast<int>(max_operands),
           1,
           {{"equation", AttributeKind::string}},
           infer_einsum,
           evaluate_einsum,
           ItemRule::mixes,
           OpKind::product,
           Codes::numbers,
           12}};
}

}  // namespace tessera
