// The families of architectures that folders hold, one function each.
#pragma once

#include "formats/json_object.hpp"
#include "graph/graph.hpp"
#include "hub/weight_files.hpp"

namespace tessera {

/// BERT and its relatives by model_type; whether one is among them.
bool is_bert_family(const std::string& model_type);
Graph read_bert_family(const JsonObject& config, const WeightFiles& files);

/// ResNet as transformers names its tensors, and as torchvision and timm do. `config` may be null for the latter.
bool has_resnet_names(const WeightFiles& files);
Graph read_resnet(const JsonObject* config, const WeightFiles& files);

}  // namespace tessera
