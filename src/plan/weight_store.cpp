#include "plan/weight_store.hpp"

namespace tessera {

PackedWeight WeightStore::get(const Tensor& source, const std::string& form,
                              const std::function<AlignedBuffer()>& make) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[{source.data(), form}];
  if (entry.packed == nullptr) entry = {source, std::make_shared<const AlignedBuffer>(make())};
  return entry.packed;
}

std::size_t WeightStore::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& [key, entry] : entries_) total += entry.packed->size();
  return total;
}

}  // namespace tessera
