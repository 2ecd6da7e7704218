#include "tessera/encoder.hpp"

#include <unicode/locid.h>
#include <unicode/unistr.h>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "data/model_inputs.hpp"
#include "embedding/sentence_modules.hpp"
#include "text/tokenizer.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Lengths are rounded up to this, so that a corpus does not need a plan for every length there is.
constexpr std::int64_t length_step = 8;

/// The output with an embedding for each token, under one of the names it goes by, or else the first of that form.
std::string tokens_output(const Model& model, const std::string& origin) {
  const std::vector<TensorInfo> outputs = model.outputs();
  const auto is_tokens = [](const TensorInfo& info) { return info.type == DataType::f32 && info.shape.size() == 3; };
  for (const char* name : {"last_hidden_state", "token_embeddings"})
    for (const TensorInfo& info : outputs)
      if (info.name == name && is_tokens(info)) return name;
  const auto found = std::ranges::find_if(outputs, is_tokens);
  if (found == outputs.end() || found->name == "logits")
    reject(origin, "gives no embedding for each token, its outputs are " + to_string(outputs),
           "give an encoder without a classifier");
  return found->name;
}

TextInput text_inputs_of(const Model& model, const std::string& origin) {
  const auto input = text_input_of(model.inputs());
  if (!input) reject(origin, "takes " + to_string(model.inputs()) + ", not token ids", "give an encoder of texts");
  return *input;
}

/// As Python lowers texts: a sigma that ends a word stays one.
std::string lowered(const std::string& text) {
  std::string result;
  icu::UnicodeString::fromUTF8(text).toLower(icu::Locale::getRoot()).toUTF8String(result);
  return result;
}

void normalize(std::span<float> embedding) {
  double sum = 0;
  for (const float value : embedding) sum += static_cast<double>(value) * static_cast<double>(value);
  const double length = std::max(std::sqrt(sum), 1e-12);
  for (float& value : embedding) value = static_cast<float>(static_cast<double>(value) / length);
}

}  // namespace

struct Encoder::Impl {
  Impl(const std::string& path, const EncoderOptions& options);

  [[nodiscard]] std::vector<Encoding> tokenized(const std::vector<std::string>& texts) const;
  [[nodiscard]] PaddedTokens batch(std::span<const Encoding> texts) const;
  [[nodiscard]] std::vector<std::vector<float>> embeddings(std::span<const Encoding> texts);
  [[nodiscard]] std::vector<TensorMap> calibration(const std::vector<std::string>& texts) const;
  [[nodiscard]] std::size_t texts_at_once(std::int64_t batch_size) const;

  SentenceModules modules;
  Tokenizer tokenizer;
  Model model;
  TextInput input;
  std::optional<std::int64_t> fixed_batch;
  std::string output;
  std::int64_t max_tokens = 0, hidden = 0;
  std::optional<Session> session;
};

namespace {

/// The folder of an .onnx file, else the folder itself.
std::string folder_of(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error) || !fs::exists(path, error)) return path;
  return fs::absolute(path).parent_path().string();
}

}  // namespace

Encoder::Impl::Impl(const std::string& path, const EncoderOptions& options)
    : modules(read_sentence_modules(folder_of(path))),
      tokenizer(Tokenizer::read(modules.encoder)),
      model(Model::load(folder_of(path) == path ? modules.encoder : path)),
      input(text_inputs_of(model, path)),
      fixed_batch(tessera::fixed_batch(model.inputs())),
      output(tokens_output(model, path)),
      max_tokens(std::min(tokenizer.max_tokens(), input.sequence.value_or(tokenizer.max_tokens()))) {
  constexpr std::int64_t usual_length = 128;  // also of the synthetic tokens that int8 is calibrated on without texts
  SessionOptions compiled = options.session;
  if (compiled.extents.empty()) compiled.extents = text_extents(model.inputs(), std::min(usual_length, max_tokens));
  if (!options.calibration_texts.empty()) compiled.calibration = calibration(options.calibration_texts);
  session.emplace(model.compile(compiled));
  const Encoding one = *tokenizer.encode("", max_tokens);
  hidden = static_cast<std::int64_t>(embeddings({&one, 1})[0].size());
}

std::vector<Encoding> Encoder::Impl::tokenized(const std::vector<std::string>& texts) const {
  std::vector<Encoding> result;
  result.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string text = modules.prompt + texts[i];
    auto encoding = tokenizer.encode(modules.lower_case ? lowered(text) : text, max_tokens);
    if (!encoding) reject("text " + std::to_string(i + 1), "is not valid UTF-8", "convert it to UTF-8");
    result.push_back(*std::move(encoding));
  }
  return result;
}

PaddedTokens Encoder::Impl::batch(std::span<const Encoding> texts) const {
  std::int64_t longest = 1;
  for (const Encoding& text : texts) longest = std::max(longest, static_cast<std::int64_t>(text.ids.size()));
  const std::int64_t rounded = std::min((longest + length_step - 1) / length_step * length_step, max_tokens);
  return padded_tokens(texts, input.sequence.value_or(rounded), tokenizer.padding());
}

std::size_t Encoder::Impl::texts_at_once(std::int64_t batch_size) const {
  return static_cast<std::size_t>(fixed_batch.value_or(std::max<std::int64_t>(1, batch_size)));
}

std::vector<std::vector<float>> Encoder::Impl::embeddings(std::span<const Encoding> texts) {
  std::vector<Encoding> filled(texts.begin(), texts.end());
  // A model that fixes its batch gets the last text again and again.
  if (fixed_batch) filled.resize(static_cast<std::size_t>(*fixed_batch), filled.back());
  PaddedTokens tokens = batch(filled);
  const Tensor mask = tokens.mask;
  TensorMap outputs = session->run(text_inputs(std::move(tokens), input));
  auto result = pooled(modules, outputs.at(output), mask);
  result.resize(texts.size());
  return result;
}

std::vector<TensorMap> Encoder::Impl::calibration(const std::vector<std::string>& texts) const {
  std::vector<TensorMap> batches;
  for (const Encoding& text : tokenized(texts)) {
    const std::vector<Encoding> row(texts_at_once(1), text);
    batches.push_back(text_inputs(batch(row), input));
  }
  return batches;
}

Encoder::Encoder(const std::string& model, const EncoderOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

std::int64_t Encoder::hidden() const noexcept {
  return impl_->hidden;
}

std::int64_t Encoder::max_tokens() const noexcept {
  return impl_->max_tokens;
}

Tensor Encoder::encode(const std::vector<std::string>& texts, const EncodeOptions& options) const {
  if (options.batch_size < 1) reject("batch_size", "is less than 1", "give the number of texts to compute together");
  const std::vector<Encoding> tokens = impl_->tokenized(texts);
  // The longest first: what runs out of memory does so at once.
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return tokens[i].ids.size(); });

  const auto hidden = static_cast<std::size_t>(impl_->hidden);
  Tensor result(DataType::f32, {static_cast<std::int64_t>(texts.size()), impl_->hidden});
  const auto values = result.mutable_as<float>();
  const std::size_t at_once = impl_->texts_at_once(options.batch_size);
  for (std::size_t begin = 0; begin < order.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, order.size());
    std::vector<Encoding> batch;
    for (std::size_t i = begin; i < end; ++i) batch.push_back(tokens[order[i]]);
    const auto embeddings = impl_->embeddings(batch);
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = values.subspan(order[i] * hidden, hidden);
      std::ranges::copy(embeddings[i - begin], row.begin());
      if (options.normalize || impl_->modules.normalize) normalize(row);
    }
  }
  return result;
}

}  // namespace tessera
