// Pattern: a plain string or a regular expression, searched for in UTF-8.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera {

class Pattern {
 public:
  /// Error{invalid} naming `origin` when a regular expression cannot be read.
  static Pattern text(std::string text);
  static Pattern expression(const std::string& expression, const std::string& origin);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  using Range = std::pair<std::size_t, std::size_t>;  ///< bytes: first, one past the last
  /// All that do not overlap, from left to right. May be called by any number of threads at once.
  [[nodiscard]] std::vector<Range> matches(std::string_view utf8) const;

 private:
  struct Expression;  // keeps ICU out of this header
  Pattern();

  std::string text_;
  std::unique_ptr<Expression> expression_;
};

}  // namespace tessera
