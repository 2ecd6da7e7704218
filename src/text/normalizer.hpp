// Normalizer: what a tokenizer makes of a text before it cuts it up.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/pattern.hpp"
#include "text/unicode.hpp"

namespace tessera {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Valid UTF-8 to valid UTF-8.
  [[nodiscard]] virtual std::string normalized(std::string_view text) const = 0;
};

/// One after the other.
class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> parts) : parts_(std::move(parts)) {}
  [[nodiscard]] std::string normalized(std::string_view text) const override;

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

/// Control characters dropped, every kind of space one space, ideographs between spaces, accents and capitals removed,
/// each if asked for.
struct BertNormalizer final : public Normalizer {
  bool clean = true;
  bool split_chinese = true;
  bool strip_accents = true;
  bool lower = true;
  [[nodiscard]] std::string normalized(std::string_view text) const override;
};

class FormNormalizer final : public Normalizer {
 public:
  explicit FormNormalizer(UnicodeForm form) : form_(form) {}
  [[nodiscard]] std::string normalized(std::string_view text) const override { return in_form(text, form_); }

 private:
  UnicodeForm form_;
};

struct LowerCaseNormalizer final : public Normalizer {
  [[nodiscard]] std::string normalized(std::string_view text) const override { return lower_case(text); }
};

/// Drops combining marks; a text in form NFD loses its accents.
struct StripMarksNormalizer final : public Normalizer {
  [[nodiscard]] std::string normalized(std::string_view text) const override;
};

struct StripNormalizer final : public Normalizer {
  bool left = true, right = true;
  [[nodiscard]] std::string normalized(std::string_view text) const override {
    return std::string(stripped(text, left, right));
  }
};

class ReplaceNormalizer final : public Normalizer {
 public:
  ReplaceNormalizer(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  [[nodiscard]] std::string normalized(std::string_view text) const override;

 private:
  Pattern pattern_;
  std::string content_;
};

/// Put before every text that is not empty.
class PrependNormalizer final : public Normalizer {
 public:
  explicit PrependNormalizer(std::string content) : content_(std::move(content)) {}
  [[nodiscard]] std::string normalized(std::string_view text) const override {
    return text.empty() ? std::string() : content_ + std::string(text);
  }

 private:
  std::string content_;
};

/// SentencePiece's own cleaning of neural machine translation: some controls dropped, other spaces made plain.
struct NmtNormalizer final : public Normalizer {
  [[nodiscard]] std::string normalized(std::string_view text) const override;
};

}  // namespace tessera
