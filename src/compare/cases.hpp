// Cases: which precision on which instruction set, as asked for and as this machine can give it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/isa.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// `PRECISION[@ISA]` as somebody wrote it.
struct CaseRequest {
  std::string name;  ///< "int8@avx512_core_vnni"
  Precision precision = Precision::fp32;
  std::optional<Isa> isa;  ///< nothing: the best tier under the ceiling
  /// True for default cases: the environment's ceiling also caps a tier that is named. False for cases that the user
  /// typed.
  bool capped = false;
};

/// A row of the comparison.
struct PlannedCase {
  std::string name;
  Precision precision = Precision::fp32;
  Isa isa = Isa::avx2;
  std::optional<std::string> unavailable;  ///< why the row cannot run here
};

/// Error{invalid} with the list of valid names for anything that is no case.
CaseRequest parse_case(std::string_view text);

/// fp32, bf16@avx512_core_amx, int8@avx512_core_vnni, int8@avx512_core_amx.
std::vector<CaseRequest> default_cases();

/// Why a tier cannot be used; nothing when it can. Rows are planned with this question alone, so that tests make
/// machines up.
using Availability = std::function<std::optional<std::string>(Isa)>;
/// That of this machine with the kernels of this version.
Availability availability_here();

/// The highest tier there is under the ceiling; Error{unavailable} when not even avx2 is there.
Isa best_isa_below(const Availability& why_not, std::optional<Isa> ceiling);

/// The lowest tier there is whose kernels for `precision` are those of `best`: int8 on avx512_core_bf16 runs the
/// avx512_core_vnni code, and is named for it, so that no row is measured twice under two names.
Isa serving_tier(Precision precision, Isa best, const Availability& why_not);

/// The rows to run. One that is unavailable keeps its row and reason, and its precision also runs once on the best tier
/// there is, behind the last requested row of that precision. `strict`: Error{unavailable} instead. Repeated requests
/// are taken once.
std::vector<PlannedCase> plan_cases(std::span<const CaseRequest> requests, const Availability& why_not,
                                    std::optional<Isa> ceiling, bool strict);

}  // namespace tessera
