// What a plan says of one of its steps: the row of `explain` and of profiles.
#pragma once

#include <cstdint>
#include <string>

namespace tessera {

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
};

}  // namespace tessera
