#include "models/registry.hpp"

#include <algorithm>

#include "models/bert.hpp"
#include "models/resnet.hpp"

namespace tessera {

std::span<const ModelEntry> built_in_models() {
  static const std::vector<ModelEntry> models{{"resnet50",
                                               "ResNet-50 v1.5 image classifier, 224x224, 1000 classes",
                                               25'557'032,
                                               InputKind::image,
                                               {{"batch", 1}},
                                               build_resnet50},
                                              {"bert-base",
                                               "BERT-base-uncased encoder with pooler, 12 layers of 768",
                                               109'482'240,
                                               InputKind::tokens,
                                               {{"batch", 1}, {"seq", 128}},
                                               [](std::uint64_t seed) { return build_bert(bert_base(), seed); }},
                                              {"bert-large",
                                               "BERT-large-uncased encoder with pooler, 24 layers of 1024",
                                               335'141'888,
                                               InputKind::tokens,
                                               {{"batch", 1}, {"seq", 128}},
                                               [](std::uint64_t seed) { return build_bert(bert_large(), seed); }}};
  return models;
}

const ModelEntry* find_model(std::string_view name) {
  const auto models = built_in_models();
  const auto found =
      std::find_if(models.begin(), models.end(), [&](const ModelEntry& model) { return model.name == name; });
  return found == models.end() ? nullptr : &*found;
}

std::int64_t count_parameters(const Graph& graph) {
  std::vector<bool> statistics(graph.values.size(), false);
  for (const Node& node : graph.nodes)
    if (node.op == "BatchNormalization")
      for (const std::size_t input : {3, 4})
        if (node.has_input(input)) statistics[static_cast<std::size_t>(node.input(input))] = true;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    const bool real = value.type == DataType::f32 || value.type == DataType::bf16;
    if (value.is_constant() && real && !statistics[i] && value.constant.shape().rank() > 0)
      count += value.constant.shape().elements();
  }
  return count;
}

}  // namespace tessera
