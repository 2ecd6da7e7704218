// Model folders made by the tests: what is read from them computes what the architecture computes with the same
// weights.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hub/model_folder.hpp"
#include "models/bert.hpp"
#include "models/inputs.hpp"
#include "models/resnet.hpp"
#include "ops/op.hpp"
#include "unit/formats/support.hpp"
#include "unit/hub/support.hpp"

namespace tessera {
namespace {

using namespace formats_testing;
using namespace hub_testing;

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

using Names = std::vector<std::pair<std::string, std::string>>;

/// The weights with their names as another library has them, each part of a name replaced in turn.
std::map<std::string, Tensor> renamed(const std::map<std::string, Tensor>& tensors, const Names& names,
                                      const std::string& prefix = "") {
  std::map<std::string, Tensor> result;
  for (const auto& [name, tensor] : tensors) {
    std::string other = name;
    for (const auto& [from, to] : names) replace_all(other, from, to);
    const bool head = name.starts_with("classifier") || name.starts_with("pre_classifier");
    result.emplace(head ? other : prefix + other, tensor);
  }
  return result;
}

void expect_same_outputs(Graph actual, Graph expected, const std::vector<Binding>& extents) {
  bind_shapes(actual, extents);
  bind_shapes(expected, extents);
  const auto inputs = random_inputs(expected, 3);
  const auto want = evaluate(expected, inputs), got = evaluate(actual, inputs);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) expect_same_bits(got[i], want[i], "output " + std::to_string(i));
}

class HubFolders : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) { write_bytes(folder_.file(name), bytes); }
  void put_weights(const std::map<std::string, Tensor>& tensors) {
    write_safetensors(folder_.file("model.safetensors"), tensors);
  }
  Graph read() const { return read_model_folder(folder_.path()); }
  /// The folder with `weights` computes what `config` does.
  void expect_bert(const BertConfig& config, const std::string& json, const Names& names, const std::string& prefix) {
    RecordedWeights weights;
    const Graph expected = build_bert(config, weights);
    put("config.json", json);
    put_weights(renamed(weights.tensors, names, prefix));
    expect_same_outputs(read(), expected, {{"batch", 2}, {"seq", 7}});
  }

  const TemporaryFolder folder_;
};

TEST_F(HubFolders, Bert) {
  const std::string config = R"({"model_type": "bert", "architectures": ["BertModel"], )" + tiny_sizes + "}";
  expect_bert(tiny(), config, {}, "");
  expect_bert(tiny(), config, {{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}}, "");
}

TEST_F(HubFolders, BertWithAClassifier) {
  BertConfig bert = tiny();
  bert.head = BertConfig::Head::sequence_classes;
  bert.classes = 3;
  expect_bert(bert, R"({"model_type": "bert", "architectures": ["BertForSequenceClassification"], )" + tiny_sizes + "}",
              {}, "bert.");
  bert.head = BertConfig::Head::token_classes;
  expect_bert(bert, R"({"model_type": "bert", "architectures": ["BertForTokenClassification"], )" + tiny_sizes + "}",
              {}, "bert.");
}

TEST_F(HubFolders, SentenceTransformersPoolThemselves) {
  BertConfig bert = tiny();
  bert.head = BertConfig::Head::none;
  put("modules.json", "[]");
  expect_bert(bert, R"({"model_type": "bert", "architectures": ["BertModel"], )" + tiny_sizes + "}", {}, "");
}

TEST_F(HubFolders, RobertaCountsPositionsFromItsPadding) {
  BertConfig roberta = tiny();
  roberta.token_types = 1;
  roberta.token_type_input = false;
  roberta.positions_skip_padding = true;
  roberta.padding_token = 1;
  roberta.head = BertConfig::Head::none;
  for (const char* type : {"roberta", "xlm-roberta", "camembert"})
    expect_bert(roberta,
                std::string(R"({"model_type": ")") + type + R"(", "pad_token_id": 1, "type_vocab_size": 1, )" +
                    tiny_sizes + "}",
                {}, "");
}

TEST_F(HubFolders, DistilBertHasNamesOfItsOwn) {
  BertConfig bert = tiny();
  bert.token_types = 0;
  bert.token_type_input = false;
  bert.head = BertConfig::Head::none;
  expect_bert(
      bert,
      R"({"model_type": "distilbert", "architectures": ["DistilBertModel"], "dim": 16, "n_layers": 2, "n_heads": 2,
                        "hidden_dim": 24, "vocab_size": 50, "max_position_embeddings": 20, "activation": "gelu"})",
      {{"encoder.layer.", "transformer.layer."},
       {"attention.self.query", "attention.q_lin"},
       {"attention.self.key", "attention.k_lin"},
       {"attention.self.value", "attention.v_lin"},
       {"attention.output.dense", "attention.out_lin"},
       {"attention.output.LayerNorm", "sa_layer_norm"},
       {"intermediate.dense", "ffn.lin1"},
       {"0.output.LayerNorm", "0.output_layer_norm"},
       {"1.output.LayerNorm", "1.output_layer_norm"},
       {"0.output.dense", "0.ffn.lin2"},
       {"1.output.dense", "1.ffn.lin2"}},
      "distilbert.");
}

TEST_F(HubFolders, MpnetHasABiasByDistance) {
  BertConfig mpnet = tiny();
  mpnet.token_types = 0;
  mpnet.token_type_input = false;
  mpnet.positions_skip_padding = true;
  mpnet.padding_token = 1;
  mpnet.relative_buckets = 8;
  mpnet.head = BertConfig::Head::none;
  expect_bert(mpnet,
              R"({"model_type": "mpnet", "relative_attention_num_buckets": 8, "pad_token_id": 1, )" + tiny_sizes + "}",
              {{"attention.self.query", "attention.attn.q"},
               {"attention.self.key", "attention.attn.k"},
               {"attention.self.value", "attention.attn.v"},
               {"attention.output.dense", "attention.attn.o"},
               {"attention.output.LayerNorm", "attention.LayerNorm"}},
              "mpnet.");
}

ResNetConfig tiny_resnet(bool bottleneck) {
  ResNetConfig config;
  config.bottleneck = bottleneck;
  config.stem = 8;
  config.classes = 5;
  config.stages = bottleneck ? decltype(config.stages){{1, 4, 16, 1}, {2, 8, 32, 2}}
                             : decltype(config.stages){{1, 8, 8, 1}, {1, 16, 16, 2}};
  config.shortcut_at_start = bottleneck;
  config.height = config.width = 32;
  return config;
}

TEST_F(HubFolders, ResNetByItsTensors) {
  for (const bool bottleneck : {false, true}) {
    RecordedWeights weights;
    const Graph expected = build_resnet(tiny_resnet(bottleneck), weights);
    put_weights(weights.tensors);
    put("preprocessor_config.json", R"({"size": {"height": 32, "width": 32}})");
    expect_same_outputs(read(), expected, {{"batch", 2}});
  }
}

TEST_F(HubFolders, WhatIsMissingIsNamed) {
  RecordedWeights weights;
  build_bert(tiny(), weights);
  const std::string config = R"({"model_type": "bert", "architectures": ["BertModel"], )" + tiny_sizes + "}";
  put_weights(weights.tensors);
  expect_error(ErrorKind::invalid, {"config.json"}, [this] { read(); });
  put("config.json", R"({"model_type": "gpt2"})");
  expect_error(ErrorKind::invalid, {"config.json", "gpt2", "ONNX"}, [this] { read(); });
  put("config.json", R"({"model_type": "bert", "hidden_size": 16})");
  expect_error(ErrorKind::invalid, {"config.json", "num_hidden_layers", "missing"}, [this] { read(); });
  put("config.json", R"({"model_type": "bert", "hidden_act": "tanhshrink", )" + tiny_sizes + "}");
  expect_error(ErrorKind::invalid, {"hidden_act", "tanhshrink"}, [this] { read(); });
  put("config.json", R"({"model_type": "bert", "architectures": ["BertForQuestionAnswering"], )" + tiny_sizes + "}");
  expect_error(ErrorKind::invalid, {"BertForQuestionAnswering"}, [this] { read(); });

  put("config.json", config);
  auto less = weights.tensors;
  less.erase("encoder.layer.1.attention.self.key.bias");
  put_weights(less);
  expect_error(ErrorKind::invalid, {"encoder.layer.1.attention.self.key.bias"}, [this] { read(); });
  // A layer that config.json does not speak of would be left out without a word.
  auto more = weights.tensors;
  more.emplace("encoder.layer.2.output.dense.bias", Tensor(DataType::f32, {16}));
  put_weights(more);
  expect_error(ErrorKind::invalid, {"encoder.layer.2.output.dense.bias"}, [this] { read(); });
}

TEST_F(HubFolders, ShardsWithAnIndex) {
  RecordedWeights weights;
  const Graph expected = build_bert(tiny(), weights);
  put("config.json", R"({"model_type": "bert", "architectures": ["BertModel"], )" + tiny_sizes + "}");
  std::map<std::string, Tensor> halves[2];
  std::string index;
  for (const auto& [name, tensor] : weights.tensors) {
    const std::size_t half = halves[0].size() > halves[1].size() ? 1 : 0;
    halves[half].emplace(name, tensor);
    index += (index.empty() ? "\"" : ",\"") + name + R"(":"part-)" + std::to_string(half) + R"(.safetensors")";
  }
  for (std::size_t half = 0; half < 2; ++half)
    write_safetensors(folder_.file("part-" + std::to_string(half) + ".safetensors"), halves[half]);
  expect_error(ErrorKind::invalid, {"2 .safetensors files", "index"}, [this] { read(); });
  put("model.safetensors.index.json", R"({"weight_map": {)" + index + "}}");
  expect_same_outputs(read(), expected, {{"batch", 1}, {"seq", 5}});
  put("model.safetensors.index.json", R"({"weight_map": {"a": "../part-0.safetensors"}})");
  expect_error(ErrorKind::invalid, {"index.json", "not in a file of this folder"}, [this] { read(); });
}

TEST_F(HubFolders, OtherFormatsAreRefusedWithTheWayOut) {
  put("pytorch_model.bin", "x");
  put("config.json", "{}");
  expect_error(ErrorKind::invalid, {"pytorch_model.bin", "pickle", "save_file"}, [this] { read(); });
  std::filesystem::rename(folder_.file("pytorch_model.bin"), folder_.file("tf_model.h5"));
  expect_error(ErrorKind::invalid, {"tf_model.h5", "safetensors"}, [this] { read(); });
  std::filesystem::remove(folder_.file("tf_model.h5"));
  expect_error(ErrorKind::invalid, {"without model.safetensors"}, [this] { read(); });
}

}  // namespace
}  // namespace tessera
