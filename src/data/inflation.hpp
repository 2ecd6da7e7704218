#pragma once
/// \file
/// How far an archive or image can be smaller than what it holds.
#include <cstdint>

namespace tessera {

/// Deflate packs at most so many bytes into one (zlib's technical details, "Maximum Compression Factor"): a file that
/// claims more is cut short, or a trap for the allocator.
inline constexpr std::uint64_t max_inflation = 1032;

}  // namespace tessera
