#include "text/pattern.hpp"

#include <unicode/regex.h>
#include <unicode/utext.h>

#include <new>

#include "core/error.hpp"

namespace tessera {
namespace {

/// An expression that goes over its text again and again is a mistake, or malice, of who wrote the file.
constexpr std::int32_t longest_search_ms = 10'000;

/// Several times what ICU takes to compile an expression.
constexpr std::size_t compiler_bytes = 1 << 20;

/// std::bad_alloc where there is not that much memory: ICU 72 crashes where memory ends while it compiles an
/// expression, or leaves out a part of it and says nothing.
void expect_memory_for_compiler() {
  ::operator delete(::operator new(compiler_bytes));
}

}  // namespace

struct Pattern::Expression {
  std::unique_ptr<icu::RegexPattern> compiled;
};

Pattern::Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Pattern Pattern::text(std::string text) {
  Pattern pattern;
  pattern.text_ = std::move(text);
  return pattern;
}

Pattern Pattern::expression(const std::string& expression, const std::string& origin) {
  UErrorCode code = U_ZERO_ERROR;
  UParseError place;
  Pattern pattern;
  pattern.expression_ = std::make_unique<Expression>();
  expect_memory_for_compiler();
  const icu::UnicodeString utf16 = icu::UnicodeString::fromUTF8(expression);
  if (utf16.isBogus()) throw std::bad_alloc();  // ICU would take it for an empty one
  pattern.expression_->compiled.reset(icu::RegexPattern::compile(utf16, 0, place, code));
  if (U_FAILURE(code))
    reject(origin, "regular expression " + expression + " cannot be read (" + u_errorName(code) + ")",
           "check the file, or report what model it is of");
  return pattern;
}

std::vector<Pattern::Range> Pattern::matches(std::string_view utf8) const {
  std::vector<Range> found;
  if (expression_ == nullptr) {
    if (text_.empty()) return found;
    for (std::size_t at = utf8.find(text_); at != std::string_view::npos; at = utf8.find(text_, at + text_.size()))
      found.emplace_back(at, at + text_.size());
    return found;
  }
  UErrorCode code = U_ZERO_ERROR;
  const icu::LocalUTextPointer text(
      utext_openUTF8(nullptr, utf8.data(), static_cast<std::int64_t>(utf8.size()), &code));
  const std::unique_ptr<icu::RegexMatcher> matcher(expression_->compiled->matcher(code));
  if (U_SUCCESS(code)) {
    matcher->reset(text.getAlias());
    matcher->setStackLimit(0, code);  // long texts need more than the usual few MiB
    matcher->setTimeLimit(longest_search_ms, code);
  }
  while (U_SUCCESS(code) && matcher->find(code) != 0)
    if (const Range range(matcher->start64(code), matcher->end64(code)); range.first < range.second)
      found.push_back(range);
  if (U_FAILURE(code)) fail("text", std::string("a regular expression failed on it (") + u_errorName(code) + ")");
  return found;
}

}  // namespace tessera
