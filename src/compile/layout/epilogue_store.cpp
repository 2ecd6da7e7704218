#include "compile/layout/epilogue_store.hpp"

namespace tessera {

const KeptEpilogue& EpilogueStore::get(ValueId output, const BrgemmKernel& kernel, const std::string& geometry,
                                       const std::function<KeptEpilogue()>& make) {
  const std::tuple key(output, &kernel, geometry);
  const auto found = epilogues_.find(key);
  return found != epilogues_.end() ? found->second : epilogues_.emplace(key, make()).first->second;
}

}  // namespace tessera
