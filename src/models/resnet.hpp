// ResNet (He et al., "Deep Residual Learning for Image Recognition"), with ResNeXt's groups and the wide variants.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "models/weight_source.hpp"

namespace tessera {

struct ResNetConfig {
  struct Stage {
    std::int64_t blocks, width, outputs;
    std::int64_t stride;  ///< of its first block
  };

  std::string name = "resnet50", input = "input";
  std::int64_t channels = 3, height = 224, width = 224, classes = 1000;
  std::int64_t stem = 64;  ///< outputs of the first convolution
  std::vector<Stage> stages = {{3, 64, 256, 1}, {4, 128, 512, 2}, {6, 256, 1024, 2}, {3, 512, 2048, 2}};
  bool bottleneck = true;         ///< blocks of 1x1, 3x3, 1x1; else of two 3x3
  std::int64_t groups = 1;        ///< of the 3x3 convolutions of bottlenecks (ResNeXt)
  bool stride_in_first = false;   ///< the 1x1 convolution has the stride, as in v1; else the 3x3, as in v1.5
  bool shortcut_at_start = true;  ///< the first block of the first stage has a projection
  float epsilon = 1e-5F;          ///< of BatchNormalization
};

/// input [batch, channels, height, width] -> logits [batch, classes], in the nodes and with the weight names that
/// PyTorch exports of torchvision's models (BatchNormalization kept). Synthetic weights: He initialisation, batch
/// statistics measured on synthetic images, so that activations stay in the range of a trained network. The same seed
/// gives the same bits everywhere.
Graph build_resnet(const ResNetConfig& config, WeightSource& source, std::uint64_t probe_seed = 0);
Graph build_resnet50(std::uint64_t seed);

}  // namespace tessera
