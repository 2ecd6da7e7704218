#include "compare/cases.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "cpu/case_name.hpp"
#include "cpu/features.hpp"
#include "kernels/tiers.hpp"

namespace tessera {
namespace {

std::string isa_list() {
  std::string list;
  for (const Isa isa : all_isas) list += (list.empty() ? "" : ", ") + std::string(name_of(isa));
  return list;
}

/// Why this row cannot run, from the machine first and the ceiling second.
std::optional<std::string> refusal(const CaseRequest& request, Isa isa, const Availability& why_not,
                                   std::optional<Isa> ceiling) {
  if (auto reason = why_not(isa)) return reason;
  if (request.capped && ceiling && !includes(*ceiling, isa))
    return "the instruction set ceiling is set to " + std::string(name_of(*ceiling));
  return std::nullopt;
}

bool has_row(const std::vector<PlannedCase>& rows, Precision precision, Isa isa) {
  return std::any_of(rows.begin(), rows.end(), [&](const PlannedCase& row) {
    return row.precision == precision && row.isa == isa && !row.unavailable;
  });
}

void add_fallback(std::vector<PlannedCase>& rows, Precision precision, Isa best, const Availability& why_not) {
  const Isa tier = serving_tier(precision, best, why_not);
  if (has_row(rows, precision, tier) || has_row(rows, precision, best)) return;
  const auto last =
      std::find_if(rows.rbegin(), rows.rend(), [&](const PlannedCase& row) { return row.precision == precision; });
  rows.insert(last.base(), PlannedCase{case_name(precision, tier), precision, tier, std::nullopt});
}

}  // namespace

CaseRequest parse_case(std::string_view text) {
  const std::string subject = "case '" + std::string(text) + "'";
  const std::size_t at = text.find('@');
  const auto precision = precision_from_name(text.substr(0, at));
  if (!precision)
    reject(subject, "'" + std::string(text.substr(0, at)) + "' is no precision",
           "write PRECISION[@ISA] with fp32, bf16, int8 or int8-dynamic, as in int8@avx2");
  CaseRequest request;
  request.precision = *precision;
  request.name = name_of(*precision);
  if (at == std::string_view::npos) return request;
  request.isa = isa_from_name(text.substr(at + 1));
  if (!request.isa)
    reject(subject, "'" + std::string(text.substr(at + 1)) + "' is no instruction set", "choose one of " + isa_list());
  request.name = case_name(request.precision, *request.isa);
  return request;
}

std::vector<CaseRequest> default_cases() {
  std::vector<CaseRequest> cases;
  for (const char* name : {"fp32", "bf16@avx512_core_amx", "int8@avx512_core_vnni", "int8@avx512_core_amx"}) {
    cases.push_back(parse_case(name));
    cases.back().capped = true;
  }
  return cases;
}

Availability availability_here() {
  return [](Isa isa) { return why_not_runnable(cpu_features(), isa); };
}

Isa best_isa_below(const Availability& why_not, std::optional<Isa> ceiling) {
  for (auto isa = all_isas.rbegin(); isa != all_isas.rend(); ++isa)
    if ((!ceiling || includes(*ceiling, *isa)) && !why_not(*isa)) return *isa;
  throw Error(ErrorKind::unavailable, "this machine", why_not(Isa::avx2).value_or("no instruction set is left"));
}

Isa serving_tier(Precision precision, Isa best, const Availability& why_not) {
  const auto capability = [precision](Isa isa) {
    switch (precision) {
      case Precision::fp32: return std::array{has_avx512(isa), false, false};
      case Precision::bf16: return std::array{has_avx512(isa), has_bf16_dot(isa), has_tiles(isa)};
      case Precision::int8:
      case Precision::int8_dynamic: return std::array{has_avx512(isa), has_int8_dot(isa), has_tiles(isa)};
    }
    return std::array{false, false, false};
  };
  for (const Isa isa : all_isas)
    if (includes(best, isa) && capability(isa) == capability(best) && !why_not(isa)) return isa;
  return best;
}

std::vector<PlannedCase> plan_cases(std::span<const CaseRequest> requests, const Availability& why_not,
                                    std::optional<Isa> ceiling, bool strict) {
  const Isa best = best_isa_below(why_not, ceiling);
  std::vector<PlannedCase> rows;
  for (const CaseRequest& request : requests) {
    const bool repeated =
        std::any_of(rows.begin(), rows.end(), [&](const PlannedCase& row) { return row.name == request.name; });
    if (repeated) continue;
    const Isa isa = request.isa.value_or(best);
    auto reason = refusal(request, isa, why_not, ceiling);
    if (reason && strict)
      throw Error(ErrorKind::unavailable, "case " + request.name, *reason,
                  "leave out --strict to run it on the best instruction set here");
    rows.push_back({request.name, request.precision, isa, std::move(reason)});
  }
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic}) {
    const bool missing = std::any_of(rows.begin(), rows.end(), [&](const PlannedCase& row) {
      return row.precision == precision && row.unavailable.has_value();
    });
    if (missing) add_fallback(rows, precision, best, why_not);
  }
  return rows;
}

}  // namespace tessera
