// EpilogueStore: what happens to the sums of each layer of one graph. Column arrays take longer to make than the rest
// of a plan, and no extent has a part in them: plans of one graph share them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "core/memory.hpp"
#include "graph/graph.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// An epilogue with the memory that its column arrays lie in.
struct KeptEpilogue {
  Epilogue epilogue;
  std::vector<std::shared_ptr<const AlignedBuffer>> arrays;
};

/// The constants that an epilogue is made from. Those of a file are the same for all extents; those that were computed
/// from shapes are not.
struct EpilogueSource {
  Tensor weights, bias;  ///< bias: empty where the node has none
};

/// Belongs to one graph, whatever its extents, and to one thread at a time.
class EpilogueStore {
 public:
  /// The epilogue of the node whose first output is `output`, by this kernel and for weights of this geometry; made
  /// anew only where it comes from other constants than the last time. Holds until the next call.
  const KeptEpilogue& get(ValueId output, const BrgemmKernel& kernel, const std::string& geometry,
                          const EpilogueSource& source, const std::function<KeptEpilogue()>& make);

 private:
  struct Entry {
    EpilogueSource source;  ///< kept, so that what is new cannot lie where it lay
    KeptEpilogue epilogue;
  };
  std::map<std::tuple<ValueId, const BrgemmKernel*, std::string>, Entry> entries_;
};

}  // namespace tessera
