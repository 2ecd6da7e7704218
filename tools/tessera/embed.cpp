// tessera embed: texts to embeddings.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "arguments.hpp"
#include "command.hpp"
#include "core/error.hpp"
#include "formats/atomic_file.hpp"
#include "formats/npy.hpp"
#include "formats/same_file.hpp"
#include "tessera/encoder.hpp"
#include "text/read_texts.hpp"
#include "text/tokenizer.hpp"

namespace tessera::tool {
namespace {

struct EmbedWords {
  std::string model, precision = "fp32", isa, calibration;
  std::optional<std::string> output;
  std::vector<std::string> texts, compared;
  int threads = 0, batch = 32;
  bool tokens = false, strict = false, as_given = false, json = false;
};

/// The lines of each file among the words, and the other words as they are.
std::vector<std::string> texts_of(const std::vector<std::string>& words) {
  std::vector<std::string> texts;
  for (const std::string& word : words) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(word, error)) {
      texts.push_back(word);
      continue;
    }
    const std::vector<std::string> lines = read_texts(word);
    texts.insert(texts.end(), lines.begin(), lines.end());
  }
  return texts;
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The shortest digits that give each value back.
template <typename Number>
std::string list_text(std::span<const Number> values) {
  std::string text = "[";
  char digits[32];
  for (const Number value : values) {
    if (text.size() > 1) text += ',';
    const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
    text.append(digits, end);
  }
  return text + "]";
}

int print_tokens(const EmbedWords& words) {
  const Tokenizer tokenizer = Tokenizer::read(words.model);
  for (const std::string& text : texts_of(words.texts)) {
    const auto tokens = tokenizer.encode(text, tokenizer.max_tokens());
    if (!tokens) reject(json_string(text), "is not valid UTF-8", "convert it to UTF-8");
    std::printf("{\"text\":%s,\"tokens\":%s}\n", json_string(text).c_str(),
                list_text(std::span<const std::int64_t>(tokens->ids)).c_str());
  }
  return 0;
}

Encoder encoder_of(const EmbedWords& words, const Context& context) {
  EncoderOptions options;
  options.session.precision = precision_option(words.precision);
  options.session.isa = choose_isa(words.isa, words.strict, context);
  options.session.threads = words.threads;
  warn_of_threads(words.threads, context);
  if (!words.calibration.empty()) options.calibration_texts = read_texts(words.calibration);
  return Encoder(words.model, options);
}

void print_lines(const std::vector<std::string>& texts, const Tensor& embeddings) {
  const auto values = embeddings.as<float>();
  const auto hidden = static_cast<std::size_t>(embeddings.shape()[1]);
  for (std::size_t i = 0; i < texts.size(); ++i)
    std::printf("{\"text\":%s,\"embedding\":%s}\n", json_string(texts[i]).c_str(),
                list_text(values.subspan(i * hidden, hidden)).c_str());
}

double cosine(std::span<const float> a, std::span<const float> b) {
  const auto dot = [](std::span<const float> x, std::span<const float> y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

int print_cosine(const EmbedWords& words, const Encoder& encoder) {
  const Tensor embeddings = encoder.encode(words.compared);
  const auto values = embeddings.as<float>();
  const double result = cosine(values.first(values.size() / 2), values.last(values.size() / 2));
  if (words.json) {
    std::printf("%s\n", nlohmann::json({{"texts", words.compared}, {"cosine", result}})
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  } else {
    std::printf("%.4f\n", result);
  }
  return 0;
}

/// The array must not take the place of the model or of the texts.
void protect_texts(const EmbedWords& words) {
  std::vector<std::string> inputs = {words.model, words.calibration};
  std::error_code error;
  std::ranges::copy_if(words.texts, std::back_inserter(inputs), [&](const std::string& word) {
    return std::filesystem::is_regular_file(word, error);  // other words are texts, whatever they spell
  });
  refuse_to_overwrite(*words.output, inputs);
}

int embed(const EmbedWords& words, const Context& context) {
  if (words.texts.empty() == words.compared.empty())
    reject("embed", "takes texts or files of texts, or --compare with two texts", "give one of them");
  if (words.output) {
    const AtomicFile writable(*words.output);  // better to hear of it now than when all is done
    protect_texts(words);
  }
  if (words.tokens) return print_tokens(words);
  const std::vector<std::string> texts = texts_of(words.texts);
  const Encoder encoder = encoder_of(words, context);
  if (!words.compared.empty()) return print_cosine(words, encoder);
  const Tensor embeddings = encoder.encode(texts, {.batch_size = words.batch, .normalize = !words.as_given});
  if (words.output) {
    write_npy(embeddings, *words.output);
  } else {
    print_lines(texts, embeddings);
  }
  return 0;
}

}  // namespace

void add_embed(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("embed", "turn texts into embeddings; compare two texts");
  auto words = std::make_shared<EmbedWords>();
  command->add_option("model", words->model, "Hugging Face folder, or an .onnx file beside its tokenizer")
      ->required()
      ->type_name("MODEL");
  command
      ->add_option("texts", words->texts,
                   "texts, and files with one per line (.jsonl: strings, or \"text\" of objects)")
      ->type_name("TEXT|FILE...");
  command->add_option("--compare", words->compared, "print the cosine of two texts")->type_name("A B")->expected(2);
  command->add_option("--output", words->output, "write an array [texts, hidden] instead of JSON lines")
      ->type_name("FILE.npy");
  command->add_flag("--tokens", words->tokens, "print token ids, and run no model");
  command->add_flag("--as-given", words->as_given, "do not bring embeddings to length 1");
  command->add_option("--precision", words->precision, "fp32, bf16, int8 or int8-dynamic [fp32]")->type_name("P");
  command->add_option("--calibration", words->calibration, "for int8: a file of texts [seeded random tokens]")
      ->type_name("FILE");
  command->add_option("--isa", words->isa, "highest instruction set to use [the best here]")->type_name("ISA");
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(between(0, most_threads));
  command->add_option("--batch", words->batch, "texts that are computed together [32]")
      ->type_name("N")
      ->check(between(1, 65536));
  command->add_flag("--strict", words->strict, "an unavailable instruction set is an error (exit status 3)");
  command->add_flag("--json", words->json, "print the cosine as JSON; embeddings are JSON anyway");
  command->callback([words, &context] { context.action = [words, &context] { return embed(*words, context); }; });
}

}  // namespace tessera::tool
