// What a plan says of one of its steps: the row of `explain` and of profiles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

/// Where a layer could be computed in more than one way: which was taken, and why.
struct StepChoice {
  struct Way {
    std::string name;
    double seconds = 0;  ///< measured on this machine; 0: not measured
  };
  std::string topic;      ///< "algorithm", "operands", "threads"
  std::string taken;      ///< one of the ways
  std::string by;         ///< "model": a rule; "tuned": the fastest in this session; "cached": ... in an earlier one
  std::vector<Way> ways;  ///< all of them
};

struct StepInfo {
  std::string node;       ///< name of the graph node it came from
  std::string op;         ///< FusedConv, LayerNormalization, Reorder ...
  std::string kernel;     ///< name in the kernel table; "reference" for plain code
  std::string isa;        ///< tier the kernel was compiled for; "-" for plain code
  std::string precision;  ///< "u8*s8->u8", "f32"
  std::string why;        ///< why not a better one; empty where this is the best
  double gflop = 0;       ///< 2 x multiply-adds / 1e9; with `seconds` of all runs of one inference
  double seconds = 0;     ///< mean over profiled runs; 0 without profile
  std::int64_t runs = 1;  ///< in one inference: once for each part of the batch that is run on its own
  std::vector<StepChoice> choices = {};
  std::int64_t bytes = 0;  ///< that its inputs, weights and outputs take: the least that has to move; likewise
  /// Which earlier entries of the same list leave what this step reads; -1: an input of the model.
  std::vector<int> reads = {};
};

}  // namespace tessera
