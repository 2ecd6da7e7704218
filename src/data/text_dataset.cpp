#include "data/text_dataset.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/error.hpp"
#include "text/padded_tokens.hpp"

namespace tessera {
namespace {

/// A number, or the name of a class.
std::optional<std::int64_t> label_of(std::string_view word, const std::optional<ClassIndices>& classes) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc{} && end == word.data() + word.size() && number >= 0) return number;
  if (!classes) return std::nullopt;
  const auto found = classes->find(std::string(word));
  return found == classes->end() ? std::nullopt : std::optional(found->second);
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::string line_name(const std::string& path, std::size_t line) {
  return path + ": line " + std::to_string(line + 1);
}

/// Cut short, so that a message stays one line that can be read.
std::string quoted(std::string_view word) {
  constexpr std::size_t most = 30;
  std::string text = "'";
  for (const char c : word.substr(0, most)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (word.size() > most ? "...'" : "'");
}

}  // namespace

TextDataset::TextDataset(const std::string& path, Tokenizer tokenizer, TextInput input,
                         const std::optional<ClassIndices>& classes, std::int64_t class_count)
    : path_(path), lines_(path), tokenizer_(std::move(tokenizer)), input_(input) {
  if (input_.sequence && *input_.sequence < 2)
    reject(path, "the model's sequence has no room for a first and a last token", "use a longer sequence");
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (blank(lines_[i])) continue;
    const std::string_view line = lines_[i];
    const std::size_t tab = line.find('\t');
    const auto label = tab == std::string_view::npos ? std::nullopt : label_of(line.substr(0, tab), classes);
    if (texts_.empty()) labelled_ = label.has_value() || path.ends_with(".tsv");
    if (!labelled_) {
      texts_.push_back({i, line, 0});
      continue;
    }
    if (!label)
      reject(line_name(path, i),
             tab == std::string_view::npos ? "has no TAB between label and text"
                                           : quoted(line.substr(0, tab)) + " is neither a number nor a known class",
             "write label TAB text in every line");
    if (class_count > 0 && *label >= class_count)
      reject(line_name(path, i),
             "label " + std::to_string(*label) + ", but the model's classes end at " + std::to_string(class_count - 1),
             "correct the label");
    if (blank(line.substr(tab))) reject(line_name(path, i), "has no text after its label", "remove the line");
    texts_.push_back({i, line.substr(tab + 1), *label});
  }
  if (texts_.empty()) reject(path, "holds no text", "give one text per line");
}

Encoding TextDataset::tokens(std::int64_t index) const {
  const Text& text = texts_.at(static_cast<std::size_t>(index));
  auto tokens = tokenizer_.encode(text.text, input_.sequence.value_or(tokenizer_.max_tokens()));
  if (!tokens) reject(describe(index), "is not valid UTF-8", "convert the file to UTF-8");
  return *std::move(tokens);
}

TensorMap TextDataset::batch(std::span<const std::int64_t> indices) const {
  std::vector<Encoding> texts;
  std::size_t longest = 0;
  for (const std::int64_t index : indices) {
    texts.push_back(tokens(index));
    longest = std::max(longest, texts.back().ids.size());
  }
  const std::int64_t length = input_.sequence.value_or(static_cast<std::int64_t>(longest));
  return text_inputs(padded_tokens(texts, length, tokenizer_.padding()), input_);
}

std::optional<std::int64_t> TextDataset::label(std::int64_t index) const {
  return labelled_ ? std::optional(texts_.at(static_cast<std::size_t>(index)).label) : std::nullopt;
}

std::string TextDataset::describe(std::int64_t index) const {
  return line_name(path_, texts_.at(static_cast<std::size_t>(index)).line);
}

}  // namespace tessera
