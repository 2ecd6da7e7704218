#include "kernels/matched/match.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace tessera::matched {
namespace {

/// The most that the positive weights of a sum may be together, and the negative ones: 255 * 128 fits 16 bits.
constexpr std::uint64_t most = 128;

/// Four sums of magnitudes in 16 bits each: of the positive weights of k and k + 1, of their negative ones, and the
/// same of k + 2 and k + 3.
using Magnitudes = std::uint64_t;
constexpr Magnitudes each = 0x0001000100010001, top_bits = 0x8000 * each, room = top_bits + most * each;

/// Whether no sum of the four is beyond the limit.
constexpr bool fits(Magnitudes magnitudes) noexcept {
  return ((room - magnitudes) & top_bits) == top_bits;
}

/// The magnitude of a weight of the first pair.
constexpr Magnitudes magnitude_of(int weight) noexcept {
  return weight >= 0 ? static_cast<Magnitudes>(weight) : static_cast<Magnitudes>(-weight) << 16;
}

constexpr std::array<Magnitudes, 256> magnitudes_of_bytes = [] {
  std::array<Magnitudes, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) table[byte] = magnitude_of(static_cast<std::int8_t>(byte));
  return table;
}();

struct Group {
  std::array<std::int8_t, group_k> weights;
  std::uint16_t number;

  [[nodiscard]] Magnitudes magnitudes() const noexcept {
    const auto of = [&](std::size_t i) { return magnitudes_of_bytes[static_cast<std::uint8_t>(weights[i])]; };
    return of(0) + of(1) + ((of(2) + of(3)) << 32);
  }
};

/// Groups on their way into twos. Whether one that waits fits, and which, cannot be predicted: so there are no branches
/// about it, and what is written may be written over.
class Matcher {
 public:
  explicit Matcher(MatchedGroups* to) : to_(to) { magnitudes_.fill(nobody); }

  void add(const Group& group, Magnitudes magnitudes) noexcept {
    unsigned fitting = 0;
    for (std::size_t i = 0; i < places; ++i) fitting |= static_cast<unsigned>(fits(magnitudes + magnitudes_[i])) << i;
    if ((fitting | empty_) == 0) make_room();
    const auto place = static_cast<std::size_t>(std::countr_zero(fitting != 0 ? fitting : empty_));
    write(groups_[place], group);
    to_ += fitting != 0 ? 1 : 0;
    magnitudes_[place] = fitting != 0 ? nobody : magnitudes;
    groups_[place] = group;
    empty_ ^= 1U << place;
  }

  /// What still waits found nothing that it fits. Returns the end of what was written.
  MatchedGroups* finish() noexcept {
    for (std::size_t i = 0; i < places; ++i)
      if (magnitudes_[i] != nobody) write_alone(groups_[i]);
    return to_;
  }

 private:
  /// How many groups can wait hardly matters: four find a partner nearly as often as any number.
  static constexpr std::size_t places = 4;
  /// Fits nothing.
  static constexpr Magnitudes nobody = (most + 1) * each;

  /// The one that waits longest goes alone.
  void make_room() noexcept {
    write_alone(groups_[oldest_]);
    magnitudes_[oldest_] = nobody;
    empty_ = 1U << oldest_;
    oldest_ = (oldest_ + 1) % places;
  }
  void write(const Group& first, const Group& second) noexcept {
    std::memcpy(to_->weights[0], first.weights.data(), group_k);
    std::memcpy(to_->weights[1], second.weights.data(), group_k);
    to_->group[0] = first.number;
    to_->group[1] = second.number;
  }
  void write_alone(const Group& group) noexcept {
    write(group, {{}, group.number});
    ++to_;
  }

  MatchedGroups* to_;
  std::array<Magnitudes, places> magnitudes_;
  std::array<Group, places> groups_{};
  unsigned empty_ = (1U << places) - 1;  ///< places, as bits
  std::size_t oldest_ = 0;
};

/// The second weight of each pair that is beyond the limit moves from `group` to what is returned.
Group split(Group& group) noexcept {
  Group rest{{}, group.number};
  for (std::size_t pair = 0; pair < group_k; pair += 2) {
    if (fits(magnitude_of(group.weights[pair]) + magnitude_of(group.weights[pair + 1]))) continue;
    rest.weights[pair + 1] = group.weights[pair + 1];
    group.weights[pair + 1] = 0;
  }
  return rest;
}

}  // namespace

int match_column(const std::int8_t* weights, int groups, MatchedGroups* to) {
  Matcher matcher(to);
  for (int number = 0; number < groups; ++number, weights += group_k) {
    Group group{{}, static_cast<std::uint16_t>(number)};
    std::memcpy(group.weights.data(), weights, group_k);
    Magnitudes magnitudes = group.magnitudes();
    if (magnitudes == 0) continue;
    if (!fits(magnitudes)) {
      const Group rest = split(group);
      matcher.add(rest, rest.magnitudes());
      magnitudes = group.magnitudes();
    }
    matcher.add(group, magnitudes);
  }
  return static_cast<int>(matcher.finish() - to);
}

}  // namespace tessera::matched
