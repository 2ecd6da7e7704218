// tessera classify: images or texts to the classes that a model thinks most of.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "arguments.hpp"
#include "calibration.hpp"
#include "command.hpp"
#include "compare/format.hpp"
#include "core/error.hpp"
#include "data/model_inputs.hpp"
#include "data/open_dataset.hpp"
#include "data/top_classes.hpp"
#include "text/tokenizer.hpp"

namespace tessera::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_classes = 5;

struct ClassifyWords {
  std::string model, precision = "fp32", isa, calibration;
  std::vector<std::string> items;
  int threads = 0;
  bool strict = false, json = false;
};

struct Classified {
  std::string item;
  std::vector<ClassProbability> top;
  std::optional<std::int64_t> label;

  [[nodiscard]] bool holds_label(std::size_t among) const {
    const auto end = top.begin() + static_cast<std::ptrdiff_t>(std::min(among, top.size()));
    return std::any_of(top.begin(), end, [this](const ClassProbability& entry) { return entry.index == label; });
  }
};

/// The first output with one row of scores for each item.
std::string scores_output(const Model& model, const std::string& origin) {
  for (const TensorInfo& output : model.outputs())
    if (output.type == DataType::f32 && output.shape.size() == 2) return output.name;
  reject(origin, "gives no scores of classes [batch, classes], its outputs are " + to_string(model.outputs()),
         "give a model that classifies");
}

class Classifier {
 public:
  Classifier(const ClassifyWords& words, const Context& context)
      : path_(words.model),
        context_(context),
        model_(Model::load(words.model)),
        data_(dataset_model(path_, model_)),
        output_(scores_output(model_, path_)) {
    SessionOptions options;
    options.precision = precision_option(words.precision);
    options.isa = choose_isa(words.isa, words.strict, context);
    options.threads = words.threads;
    warn_of_threads(words.threads, context);
    if (text_input_of(data_.inputs) && has_tokenizer()) {
      constexpr std::int64_t usual_length = 128;
      tokenizer_.emplace(Tokenizer::read(folder()));
      options.extents = text_extents(data_.inputs, std::min(usual_length, tokenizer_->max_tokens()));
    }
    options.calibration = read_calibration(words.calibration, path_, model_, 1, context);
    session_.emplace(model_.compile(options));
  }

  /// Appends what becomes of a file, a folder or a text.
  void classify(const std::string& word, std::vector<Classified>& results) {
    std::error_code error;
    const bool there = std::filesystem::exists(word, error);
    if (!names_) names_ = classes_for(there ? word : path_, data_).value_or(ClassIndices());
    if (!there) {
      results.push_back({word, top_of(text_inputs_of(word)), std::nullopt});
      return;
    }
    const std::unique_ptr<Dataset> data = open_dataset(word, data_);
    if (!context_.quiet)
      for (const std::string& note : data->notes()) print_note(note);
    for (std::int64_t i = 0; i < data->size(); ++i)
      results.push_back({data->describe(i), top_of(data->item(i)), data->label(i)});
  }

  [[nodiscard]] std::string name_of_class(std::int64_t index) const {
    if (names_)
      for (const auto& [name, number] : *names_)
        if (number == index) return name;
    return "class " + std::to_string(index);
  }

 private:
  [[nodiscard]] TensorMap text_inputs_of(const std::string& text) {
    const auto input = text_input_of(data_.inputs);
    if (!input && text.empty()) reject("item", "its name is empty", "name an image or a folder of images");
    if (!input) reject(text, "no such file or folder", "check the path; the model takes " + to_string(data_.inputs));
    if (!tokenizer_) tokenizer_.emplace(Tokenizer::read(folder()));
    const auto tokens = tokenizer_->encode(text, input->sequence.value_or(tokenizer_->max_tokens()));
    if (!tokens) reject("a text", "is not valid UTF-8", "convert it to UTF-8");
    const auto length = input->sequence.value_or(static_cast<std::int64_t>(tokens->ids.size()));
    return text_inputs(padded_tokens({&*tokens, 1}, length, tokenizer_->padding()), *input);
  }

  /// Where the tokenizer of the model lies.
  [[nodiscard]] std::string folder() const {
    std::error_code error;
    if (std::filesystem::is_directory(path_, error)) return path_;
    return std::filesystem::absolute(path_).parent_path().string();
  }

  /// Arrays of token ids need none, and texts may have one beside them.
  [[nodiscard]] bool has_tokenizer() const {
    std::error_code error;
    const std::filesystem::path place(folder());
    return std::filesystem::exists(place / "tokenizer.json", error) ||
           std::filesystem::exists(place / "vocab.txt", error);
  }

  [[nodiscard]] std::vector<ClassProbability> top_of(const TensorMap& inputs) {
    return top_classes(session_->run(inputs).at(output_).as<float>(), most_classes);
  }

  std::string path_;
  const Context& context_;
  Model model_;
  DatasetModel data_;
  std::string output_;
  std::optional<Session> session_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<ClassIndices> names_;
};

struct Accuracy {
  std::int64_t items = 0, top1 = 0, top5 = 0;

  [[nodiscard]] double share(std::int64_t count) const {
    return 100.0 * static_cast<double>(count) / static_cast<double>(items);
  }
};

Accuracy accuracy_of(const std::vector<Classified>& results) {
  Accuracy accuracy;
  for (const Classified& result : results) {
    if (!result.label) continue;
    ++accuracy.items;
    accuracy.top1 += result.holds_label(1) ? 1 : 0;
    accuracy.top5 += result.holds_label(most_classes) ? 1 : 0;
  }
  return accuracy;
}

void print_json(const std::vector<Classified>& results, const Classifier& classifier) {
  Json json = {{"items", Json::array()}};
  for (const Classified& result : results) {
    Json item = {{"item", result.item}, {"top", Json::array()}};
    for (const ClassProbability& entry : result.top)
      item["top"].push_back({{"index", entry.index},
                             {"label", classifier.name_of_class(entry.index)},
                             {"probability", entry.probability}});
    if (result.label) item["expected"] = *result.label;
    json["items"].push_back(std::move(item));
  }
  if (const Accuracy accuracy = accuracy_of(results); accuracy.items > 0)
    json["accuracy"] = {
        {"items", accuracy.items}, {"top1", accuracy.share(accuracy.top1)}, {"top5", accuracy.share(accuracy.top5)}};
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_text(const std::vector<Classified>& results, const Classifier& classifier) {
  const Accuracy accuracy = accuracy_of(results);
  // Of a labelled set only the numbers count.
  if (accuracy.items > 0) {
    std::printf("%lld items   top-1 %.2f %%   top-5 %.2f %%\n", static_cast<long long>(accuracy.items),
                accuracy.share(accuracy.top1), accuracy.share(accuracy.top5));
    return;
  }
  for (const Classified& result : results) {
    std::printf("%s\n", printable(result.item).c_str());
    for (const ClassProbability& entry : result.top)
      std::printf("  %6.2f %%  %s\n", 100 * entry.probability,
                  printable(classifier.name_of_class(entry.index)).c_str());
  }
}

int classify(const ClassifyWords& words, const Context& context) {
  Classifier classifier(words, context);
  std::vector<Classified> results;
  for (const std::string& item : words.items) classifier.classify(item, results);
  if (words.json) {
    print_json(results, classifier);
  } else {
    print_text(results, classifier);
  }
  return 0;
}

}  // namespace

void add_classify(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("classify", "name what images show or texts say; top-1 and top-5 of a labelled set");
  auto words = std::make_shared<ClassifyWords>();
  command->add_option("model", words->model, "built-in name, .onnx file or Hugging Face folder")
      ->required()
      ->type_name("MODEL");
  command
      ->add_option("items", words->items,
                   "images, folders of images (or of one folder per class), texts, files of texts")
      ->required()
      ->type_name("IMAGE|FOLDER|TEXT...");
  command->add_option("--precision", words->precision, "fp32, bf16, int8 or int8-dynamic [fp32]")->type_name("P");
  command->add_option("--calibration", words->calibration, calibration_help)->type_name("DIR|FILE");
  command->add_option("--isa", words->isa, "highest instruction set to use [the best here]")->type_name("ISA");
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(between(0, most_threads));
  command->add_flag("--strict", words->strict, "an unavailable instruction set is an error (exit status 3)");
  command->add_flag("--json", words->json, "print the result as JSON, and nothing else");
  command->callback([words, &context] { context.action = [words, &context] { return classify(*words, context); }; });
}

}  // namespace tessera::tool
