// Dim: one extent of a graph value, either a number or a symbolic expression ("batch", "(seq*12)").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tessera/shape.hpp"

namespace tessera {

class Dim {
 public:
  Dim() = default;                                                 ///< unknown: prints as "?", equals nothing
  Dim(std::int64_t value) : kind_(Kind::number), value_(value) {}  // NOLINT: 3 is a Dim
  explicit Dim(std::string symbol) : kind_(Kind::symbol), symbol_(std::move(symbol)) {}

  [[nodiscard]] bool known() const noexcept { return kind_ == Kind::number; }
  [[nodiscard]] bool symbolic() const noexcept { return kind_ == Kind::symbol; }
  [[nodiscard]] std::int64_t value() const noexcept { return value_; }
  [[nodiscard]] const std::string& symbol() const noexcept { return symbol_; }

  /// Two Dims are equal when both are the same number or the same expression text; an unknown Dim equals nothing.
  friend bool operator==(const Dim& a, const Dim& b) noexcept;
  /// Arithmetic folds numbers and neutral elements and writes an expression otherwise: batch*1 is batch, 12*seq is
  /// "(12*seq)".
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend Dim operator/(const Dim& a, const Dim& b);  ///< floor; (a*b)/b is a

 private:
  enum class Kind : std::uint8_t { unknown, number, symbol };
  Kind kind_ = Kind::unknown;
  std::int64_t value_ = 0;
  std::string symbol_;
};

std::string to_string(const Dim& dim);

/// The extents of a graph value; `ranked` is false while shape inference has not reached it.
struct SymbolicShape {
  bool ranked = false;
  std::vector<Dim> dims;

  SymbolicShape() = default;
  explicit SymbolicShape(std::vector<Dim> extents) : ranked(true), dims(std::move(extents)) {}
  SymbolicShape(std::initializer_list<Dim> extents) : ranked(true), dims(extents) {}
  explicit SymbolicShape(const Shape& shape);

  [[nodiscard]] std::size_t rank() const noexcept { return dims.size(); }
  [[nodiscard]] bool concrete() const noexcept;  ///< ranked and every extent a number
  [[nodiscard]] Shape to_shape() const;          ///< Error{failed} unless concrete()
  friend bool operator==(const SymbolicShape& a, const SymbolicShape& b) noexcept;
};

/// "[batch, 3, 224, 224]"
std::string to_string(const SymbolicShape& shape);

}  // namespace tessera
