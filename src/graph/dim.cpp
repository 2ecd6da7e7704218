// Expressions are kept as text in one canonical form, so that equal sizes usually have equal text:
//   product  "(12*batch*seq)"      the number first, then the factors in alphabetical order
//   sum      "(seq+(2*w)-h+1)"     added terms, subtracted terms, the number last
//   quotient "(seq/8)"             floor
// An ONNX symbol that contains an operator, e.g. "past-seq", is written {past-seq} inside an expression and stays one
// factor.
#include "graph/dim.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>

#include "core/error.hpp"

namespace tessera {

namespace {

// Longer expressions help nobody, and a hostile model must not make them grow without bound.
constexpr std::size_t max_text = 256;

/// Thrown inside this file only: the arithmetic left the range of an extent, so the result is unknown. The lowest i64
/// counts as out of range too, so that every number has its opposite.
struct OutOfRange {};

std::int64_t add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum) || sum == std::numeric_limits<std::int64_t>::min()) throw OutOfRange{};
  return sum;
}

std::int64_t multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product == std::numeric_limits<std::int64_t>::min()) throw OutOfRange{};
  return product;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == -1) return multiply(a, -1);
  return a / b - static_cast<std::int64_t>(a % b != 0 && (a < 0) != (b < 0));
}

int depth_change(char c) {
  return c == '(' || c == '{' ? 1 : c == ')' || c == '}' ? -1 : 0;
}

/// Whether the bracket that opens the text closes at its very end.
bool enclosed(std::string_view text, char open) {
  if (text.size() < 2 || text.front() != open) return false;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += depth_change(text[i]);
    if (depth == 0) return i + 1 == text.size();
  }
  return false;
}

struct Part {
  char sign;  ///< the operator in front of it
  std::string_view text;
};

/// The inside of "(...)" cut at the operators that stand outside all inner brackets.
std::vector<Part> split(std::string_view text, std::string_view operators) {
  const std::string_view inside = text.substr(1, text.size() - 2);
  std::vector<Part> parts;
  int depth = 0;
  std::size_t start = 0;
  char sign = operators.front();
  for (std::size_t i = 0; i <= inside.size(); ++i) {
    if (i < inside.size()) {
      depth += depth_change(inside[i]);
      if (depth != 0 || operators.find(inside[i]) == std::string_view::npos) continue;
    }
    if (i > start) parts.push_back({sign, inside.substr(start, i - start)});
    if (i < inside.size()) sign = inside[i];
    start = i + 1;
  }
  return parts;
}

/// A symbol as it is written inside an expression, and back.
std::string quoted(const std::string& symbol) {
  const bool plain = symbol.find_first_of("+-*/(){}") == std::string::npos;
  return plain || enclosed(symbol, '(') ? symbol : "{" + symbol + "}";
}
std::string_view unquoted(std::string_view text) {
  return enclosed(text, '{') ? text.substr(1, text.size() - 2) : text;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Dim symbol_or_unknown(std::string text) {
  if (text.size() > max_text) return {};
  return Dim(std::move(text));
}

/// coefficient * factor * factor ...
struct Product {
  std::int64_t coefficient = 1;
  std::vector<std::string> factors;  // sorted

  [[nodiscard]] std::string factor_text() const {
    if (factors.size() == 1) return factors[0];
    std::string text = "(";
    for (const std::string& factor : factors) text += (text.size() > 1 ? "*" : "") + quoted(factor);
    return text + ")";
  }
};

/// Reads "(a*b*c)" or a lone factor; sums are left whole.
Product read_product(std::string_view text) {
  Product product;
  const auto parts = enclosed(text, '(') ? split(text, "*") : std::vector<Part>{};
  if (parts.size() < 2) {
    product.factors.emplace_back(text);
    return product;
  }
  for (const Part& part : parts) {
    if (const auto number = number_in(part.text))
      product.coefficient = multiply(product.coefficient, *number);
    else
      product.factors.emplace_back(unquoted(part.text));
  }
  std::sort(product.factors.begin(), product.factors.end());
  return product;
}

/// constant + coefficient * product + ...
struct Sum {
  std::int64_t constant = 0;
  std::map<std::string, std::int64_t> terms;  // factor text of a product -> coefficient; no zeros

  void add_product(const Product& product, std::int64_t sign) {
    if (product.factors.empty()) {
      constant = add(constant, multiply(sign, product.coefficient));
      return;
    }
    std::int64_t& coefficient = terms[product.factor_text()];
    coefficient = add(coefficient, multiply(sign, product.coefficient));
    if (coefficient == 0) terms.erase(product.factor_text());
  }
};

Sum sum_of(const Dim& dim) {
  Sum sum;
  if (dim.known()) {
    sum.constant = dim.value();
    return sum;
  }
  const std::string& text = dim.symbol();
  const auto parts = enclosed(text, '(') ? split(text, "+-") : std::vector<Part>{};
  if (parts.size() < 2 && !(parts.size() == 1 && parts[0].sign == '-')) {
    sum.add_product(read_product(text), 1);
    return sum;
  }
  for (const Part& part : parts) {
    const std::int64_t sign = part.sign == '-' ? -1 : 1;
    if (const auto number = number_in(part.text))
      sum.constant = add(sum.constant, multiply(sign, *number));
    else
      sum.add_product(read_product(unquoted(part.text)), sign);
  }
  return sum;
}

Product product_of(const Dim& dim) {
  const Sum sum = sum_of(dim);
  if (sum.terms.empty()) return {sum.constant, {}};
  if (sum.terms.size() > 1 || sum.constant != 0) return {1, {dim.symbol()}};
  Product product = read_product(sum.terms.begin()->first);
  product.coefficient = multiply(product.coefficient, sum.terms.begin()->second);
  return product;
}

/// "seq", "(12*seq)"; the coefficient is positive.
std::string term_text(std::int64_t coefficient, const std::string& factors) {
  if (coefficient == 1) return factors;
  std::string text = "(" + std::to_string(coefficient);
  for (const std::string& factor : read_product(factors).factors) text += "*" + quoted(factor);
  return text + ")";
}

Dim write(const Sum& sum) {
  if (sum.terms.empty()) return sum.constant;
  if (sum.terms.size() == 1 && sum.constant == 0 && sum.terms.begin()->second > 0)
    return symbol_or_unknown(term_text(sum.terms.begin()->second, sum.terms.begin()->first));
  std::string text = "(";
  for (const auto& [factors, coefficient] : sum.terms)
    if (coefficient > 0) text += (text.size() > 1 ? "+" : "") + quoted(term_text(coefficient, factors));
  const bool number_first = text.size() == 1 && sum.constant > 0;
  if (number_first) text += std::to_string(sum.constant);
  for (const auto& [factors, coefficient] : sum.terms)
    if (coefficient < 0) text += "-" + quoted(term_text(multiply(coefficient, -1), factors));
  if (sum.constant != 0 && !number_first) text += (sum.constant > 0 ? "+" : "") + std::to_string(sum.constant);
  return symbol_or_unknown(text + ")");
}

Dim write(const Product& product) {
  if (product.coefficient == 0) return 0;
  Sum sum;
  sum.add_product(product, 1);
  return write(sum);
}

/// Removes the factors both have.
void cancel(Product& above, Product& below) {
  std::vector<std::string> rest_above, rest_below;
  std::set_difference(above.factors.begin(), above.factors.end(), below.factors.begin(), below.factors.end(),
                      std::back_inserter(rest_above));
  std::set_difference(below.factors.begin(), below.factors.end(), above.factors.begin(), above.factors.end(),
                      std::back_inserter(rest_below));
  above.factors = std::move(rest_above);
  below.factors = std::move(rest_below);
  const std::int64_t divisor = std::gcd(above.coefficient, below.coefficient);
  if (divisor > 1 && below.coefficient > 0) {
    above.coefficient /= divisor;
    below.coefficient /= divisor;
  }
}

/// (12*a + 30) / 12 = a + 2: exact whatever the symbols stand for, when every term is a multiple of the divisor.
std::optional<Sum> divide_terms(Sum sum, std::int64_t divisor) {
  for (auto& [factors, coefficient] : sum.terms) {
    if (coefficient % divisor != 0) return std::nullopt;
    coefficient /= divisor;
  }
  sum.constant = floor_divide(sum.constant, divisor);
  return sum;
}

Dim quotient(const Dim& a, const Dim& b) {
  if (b.known() && b.value() == 0) return {};
  if (b.known() && b.value() > 0)
    if (const auto divided = divide_terms(sum_of(a), b.value())) return write(*divided);
  if (a.known() && b.known()) return floor_divide(a.value(), b.value());
  Product above = product_of(a);
  Product below = product_of(b);
  cancel(above, below);
  const Dim rest = write(above);
  const Dim divisor = write(below);
  if (divisor == Dim(1)) return rest;
  if ((divisor.known() && divisor.value() < 0) || (rest.known() && rest.value() < 0)) return {};
  const auto text = [](const Dim& dim) { return dim.known() ? std::to_string(dim.value()) : quoted(dim.symbol()); };
  return symbol_or_unknown("(" + text(rest) + "/" + text(divisor) + ")");
}

/// Unknown operands and results out of range give an unknown Dim.
template <typename Operation>
Dim combine(const Dim& a, const Dim& b, Operation operation) {
  const auto usable = [](const Dim& dim) {
    return dim.symbolic() || (dim.known() && dim.value() != std::numeric_limits<std::int64_t>::min());
  };
  if (!usable(a) || !usable(b)) return {};
  try {
    return operation(a, b);
  } catch (const OutOfRange&) {
    return {};
  }
}

Dim signed_sum(const Dim& a, const Dim& b, std::int64_t sign) {
  Sum sum = sum_of(a);
  const Sum other = sum_of(b);
  for (const auto& [factors, coefficient] : other.terms) {
    Product product = read_product(factors);
    product.coefficient = multiply(product.coefficient, coefficient);
    sum.add_product(product, sign);
  }
  sum.constant = add(sum.constant, multiply(sign, other.constant));
  return write(sum);
}

}  // namespace

bool operator==(const Dim& a, const Dim& b) noexcept {
  if (a.kind_ != b.kind_ || a.kind_ == Dim::Kind::unknown) return false;
  return a.known() ? a.value_ == b.value_ : a.symbol_ == b.symbol_;
}

Dim operator+(const Dim& a, const Dim& b) {
  return combine(a, b, [](const Dim& x, const Dim& y) { return signed_sum(x, y, 1); });
}

Dim operator-(const Dim& a, const Dim& b) {
  return combine(a, b, [](const Dim& x, const Dim& y) { return signed_sum(x, y, -1); });
}

Dim operator*(const Dim& a, const Dim& b) {
  return combine(a, b, [](const Dim& x, const Dim& y) {
    Product product = product_of(x);
    const Product other = product_of(y);
    product.coefficient = multiply(product.coefficient, other.coefficient);
    product.factors.insert(product.factors.end(), other.factors.begin(), other.factors.end());
    std::sort(product.factors.begin(), product.factors.end());
    return write(product);
  });
}

Dim operator/(const Dim& a, const Dim& b) {
  return combine(a, b, quotient);
}

std::string to_string(const Dim& dim) {
  if (dim.known()) return std::to_string(dim.value());
  return dim.symbolic() ? dim.symbol() : "?";
}

SymbolicShape::SymbolicShape(const Shape& shape) : ranked(true), dims(shape.begin(), shape.end()) {}

bool SymbolicShape::concrete() const noexcept {
  return ranked && std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.known(); });
}

Shape SymbolicShape::to_shape() const {
  if (!concrete()) fail("shape " + to_string(*this), "it is not concrete", "bind its symbols to numbers first");
  Shape shape;
  for (const Dim& dim : dims) shape.push_back(dim.value());
  return shape;
}

bool operator==(const SymbolicShape& a, const SymbolicShape& b) noexcept {
  return a.ranked == b.ranked && a.dims == b.dims;
}

std::string to_string(const SymbolicShape& shape) {
  if (!shape.ranked) return "[...]";
  std::string text = "[";
  for (std::size_t i = 0; i < shape.rank(); ++i) text += (i == 0 ? "" : ", ") + to_string(shape.dims[i]);
  return text + "]";
}

}  // namespace tessera
