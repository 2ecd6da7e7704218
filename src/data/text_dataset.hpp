// Texts in a file, one per line, with or without a label before a TAB.
#pragma once

#include <string>
#include <vector>

#include "data/class_labels.hpp"
#include "data/dataset.hpp"
#include "data/model_inputs.hpp"
#include "text/text_lines.hpp"
#include "text/tokenizer.hpp"

namespace tessera {

class TextDataset : public Dataset {
 public:
  /// Every line that is not blank is one text. Lines are `label TAB text` when the first one begins with a label and a
  /// TAB, or when the file is called .tsv; a label is a number (below `class_count` unless that is 0) or one of
  /// `classes`. Error{invalid} naming the line that has none.
  TextDataset(const std::string& path, Tokenizer tokenizer, TextInput input, const std::optional<ClassIndices>& classes,
              std::int64_t class_count);

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(texts_.size()); }
  [[nodiscard]] TensorMap item(std::int64_t index) const override { return batch({&index, 1}); }
  [[nodiscard]] TensorMap batch(std::span<const std::int64_t> indices) const override;
  [[nodiscard]] std::optional<std::int64_t> label(std::int64_t index) const override;
  [[nodiscard]] std::string describe(std::int64_t index) const override;

 private:
  struct Text {
    std::size_t line;  ///< counted from 0
    std::string_view text;
    std::int64_t label;
  };

  [[nodiscard]] Encoding tokens(std::int64_t index) const;

  std::string path_;
  TextLines lines_;
  Tokenizer tokenizer_;
  TextInput input_;
  std::vector<Text> texts_;
  bool labelled_ = false;
};

}  // namespace tessera
