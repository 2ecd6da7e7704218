// BERT and its relatives: what their config.json says, and what they call their tensors.
#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>

#include "core/error.hpp"
#include "formats/folder.hpp"
#include "hub/families.hpp"
#include "hub/named_weights.hpp"
#include "models/bert.hpp"

namespace tessera {
namespace {

struct Rename {
  std::string_view from, to;
};

// Applied in order: what stands in front of .output.dense goes before it.
constexpr std::array distilbert_names{Rename{"encoder.layer.", "transformer.layer."},
                                      Rename{"attention.self.query", "attention.q_lin"},
                                      Rename{"attention.self.key", "attention.k_lin"},
                                      Rename{"attention.self.value", "attention.v_lin"},
                                      Rename{"attention.output.dense", "attention.out_lin"},
                                      Rename{"attention.output.LayerNorm", "sa_layer_norm"},
                                      Rename{"intermediate.dense", "ffn.lin1"},
                                      Rename{"output.dense", "ffn.lin2"},
                                      Rename{"output.LayerNorm", "output_layer_norm"}};
constexpr std::array mpnet_names{
    Rename{"attention.self.query", "attention.attn.q"}, Rename{"attention.self.key", "attention.attn.k"},
    Rename{"attention.self.value", "attention.attn.v"}, Rename{"attention.output.dense", "attention.attn.o"},
    Rename{"attention.output.LayerNorm", "attention.LayerNorm"}};

struct Family {
  std::string_view type;    ///< model_type
  std::string_view prefix;  ///< of the encoder's tensors, in a model that has a head
  std::span<const Rename> renames = {};
  bool positions_skip_padding = false;
  /// The classifier of whole texts.
  std::string_view head_dense = "pooler.dense", head_output = "classifier";
  Activation head_activation = Activation::tanh;
};

constexpr std::string_view dense_of_classifier = "classifier.dense", projection = "classifier.out_proj";

constexpr std::array families{Family{.type = "bert", .prefix = "bert."},
                              Family{.type = "roberta",
                                     .prefix = "roberta.",
                                     .positions_skip_padding = true,
                                     .head_dense = dense_of_classifier,
                                     .head_output = projection},
                              Family{.type = "xlm-roberta",
                                     .prefix = "roberta.",
                                     .positions_skip_padding = true,
                                     .head_dense = dense_of_classifier,
                                     .head_output = projection},
                              Family{.type = "camembert",
                                     .prefix = "roberta.",
                                     .positions_skip_padding = true,
                                     .head_dense = dense_of_classifier,
                                     .head_output = projection},
                              Family{.type = "distilbert",
                                     .prefix = "distilbert.",
                                     .renames = distilbert_names,
                                     .head_dense = "pre_classifier",
                                     .head_activation = Activation::relu},
                              Family{.type = "electra",
                                     .prefix = "electra.",
                                     .head_dense = dense_of_classifier,
                                     .head_output = projection,
                                     .head_activation = Activation::gelu},
                              Family{.type = "mpnet",
                                     .prefix = "mpnet.",
                                     .renames = mpnet_names,
                                     .positions_skip_padding = true,
                                     .head_dense = dense_of_classifier,
                                     .head_output = projection}};

const Family* find_family(std::string_view type) {
  const auto found = std::ranges::find(families, type, &Family::type);
  return found == families.end() ? nullptr : &*found;
}

bool is_encoder_name(std::string_view name) {
  for (const char* part : {"embeddings", "encoder.", "transformer.", "pooler."})
    if (name.starts_with(part)) return true;
  return false;
}

/// A builder's name as the files have it.
std::string translated(std::string name, const Family& family, std::string_view prefix) {
  const bool encoder = is_encoder_name(name);
  for (const Rename& rename : family.renames)
    if (const std::size_t at = name.find(rename.from); at != std::string::npos)
      name.replace(at, rename.from.size(), rename.to);
  return encoder ? std::string(prefix) + name : name;
}

Activation activation_of(const JsonObject& config, const char* key) {
  const std::string word = config.text(key, "gelu");
  if (word == "gelu") return Activation::gelu;
  if (word == "gelu_new" || word == "gelu_pytorch_tanh" || word == "gelu_fast") return Activation::gelu_tanh;
  if (word == "relu") return Activation::relu;
  if (word == "silu" || word == "swish") return Activation::silu;
  config.reject_entry(key, "is " + word + ", an activation that is not known here", "export the model as ONNX");
}

void read_sizes(const JsonObject& config, bool distilbert, BertConfig& bert) {
  bert.hidden = config.count(distilbert ? "dim" : "hidden_size");
  bert.layers = config.count(distilbert ? "n_layers" : "num_hidden_layers");
  bert.heads = config.count(distilbert ? "n_heads" : "num_attention_heads");
  bert.intermediate = config.count(distilbert ? "hidden_dim" : "intermediate_size");
  bert.vocabulary = config.count("vocab_size");
  bert.positions = config.count("max_position_embeddings", 512);
  bert.epsilon = static_cast<float>(config.number("layer_norm_eps", 1e-12));
  bert.activation = activation_of(config, distilbert ? "activation" : "hidden_act");
  if (bert.hidden % bert.heads != 0)
    config.reject_entry("hidden_size", "is no multiple of the number of heads", "check config.json");
  if (config.text("position_embedding_type", "absolute") != "absolute")
    config.reject_entry("position_embedding_type", "is not absolute", "export the model as ONNX");
  if (config.flag("is_decoder", false))
    config.reject_entry("is_decoder", "is true: this is no encoder", "use a model that reads the whole text at once");
}

/// What the weights were saved for: the first of "architectures".
std::string architecture_of(const JsonObject& config) {
  const JsonValue* const list = config.find("architectures");
  const bool named = list != nullptr && list->is_array() && !list->elements().empty() && list->at(0).is_string();
  return named ? list->at(0).string() : std::string();
}

void read_head(const JsonObject& config, const Family& family, const NamedWeights& weights, const std::string& folder,
               BertConfig& bert) {
  using Head = BertConfig::Head;
  const std::string architecture = architecture_of(config);
  std::error_code error;
  if (std::filesystem::exists(path_in(folder, "modules.json"), error)) {
    bert.head = Head::none;  // of sentence-transformers, which pools the tokens itself
  } else if (architecture.ends_with("ForSequenceClassification")) {
    bert.head = Head::sequence_classes;
    bert.head_dense = family.head_dense;
    bert.head_output = family.head_output;
    bert.head_activation = family.head_activation;
  } else if (architecture.ends_with("ForTokenClassification")) {
    bert.head = Head::token_classes;
  } else if (architecture.empty() || architecture.ends_with("Model") || architecture.ends_with("ForMaskedLM") ||
             architecture.ends_with("ForPreTraining")) {
    bert.head = weights.holds("pooler.dense.weight") ? Head::pooler : Head::none;
  } else {
    config.reject_entry("architectures", "is " + architecture + ", a head that is not read from folders",
                        "encoders, sequence and token classifiers are; export others as ONNX");
  }
  if (bert.head == Head::sequence_classes || bert.head == Head::token_classes)
    bert.classes = weights.extent(bert.head_output + ".weight", 0);
}

}  // namespace

bool is_bert_family(const std::string& model_type) {
  return find_family(model_type) != nullptr;
}

Graph read_bert_family(const JsonObject& config, const WeightFiles& files) {
  const Family& family = *find_family(config.text("model_type"));
  const bool prefixed = files.holds(std::string(family.prefix) + "embeddings.word_embeddings.weight");
  const std::string_view prefix = prefixed ? family.prefix : "";
  NamedWeights weights(files, [&](const std::string& name) { return translated(name, family, prefix); });

  BertConfig bert;
  bert.name = config.text("model_type");
  read_sizes(config, family.type == "distilbert", bert);
  bert.token_types = weights.holds("embeddings.token_type_embeddings.weight")
                         ? weights.extent("embeddings.token_type_embeddings.weight", 0)
                         : 0;
  bert.token_type_input = bert.token_types > 1;
  if (family.type == "electra") bert.embedding = config.count("embedding_size", bert.hidden);
  if (family.type == "mpnet") bert.relative_buckets = config.count("relative_attention_num_buckets", 32);
  bert.positions_skip_padding = family.positions_skip_padding;
  bert.padding_token = config.token("pad_token_id", family.positions_skip_padding ? 1 : 0);
  read_head(config, family, weights, files.folder(), bert);
  Graph graph = build_bert(bert, weights);
  weights.expect_all_used([&](const std::string& name) {
    const bool counter = name.ends_with("position_ids") || name.ends_with("token_type_ids");
    const std::string_view inner = std::string_view(name).substr(name.starts_with(prefix) ? prefix.size() : 0);
    return is_encoder_name(inner) && !inner.starts_with("pooler.") && !counter;
  });
  return graph;
}

}  // namespace tessera
