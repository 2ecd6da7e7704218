#include "run/steps/matched_lists.hpp"

namespace tessera {

std::size_t matched_groups_offset(std::int64_t panels, int blocks) noexcept {
  return round_up(static_cast<std::size_t>(panels * blocks * matched_columns + 1) * sizeof(std::uint32_t), cache_line);
}

MatchedLists::MatchedLists(const AlignedBuffer& packed, std::int64_t panels, int blocks) noexcept
    : starts_(reinterpret_cast<const std::uint32_t*>(packed.data())),
      groups_(reinterpret_cast<const MatchedGroups*>(packed.data() + matched_groups_offset(panels, blocks))),
      blocks_(blocks) {}

}  // namespace tessera
