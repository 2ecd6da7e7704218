#include "compile/layout/epilogue_store.hpp"

#include "core/deferred_tensor.hpp"

namespace tessera {

const KeptEpilogue& EpilogueStore::get(ValueId output, const BrgemmKernel& kernel, const std::string& geometry,
                                       const EpilogueSource& source, const std::function<KeptEpilogue()>& make) {
  Entry& entry = entries_[{output, &kernel, geometry}];
  const bool made = !entry.source.weights.empty() && identity_of(entry.source.weights) == identity_of(source.weights) &&
                    entry.source.bias.empty() == source.bias.empty() &&
                    (source.bias.empty() || identity_of(entry.source.bias) == identity_of(source.bias));
  if (!made) entry = {source, make()};
  return entry.epilogue;
}

}  // namespace tessera
