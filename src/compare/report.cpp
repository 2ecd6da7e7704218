#include "compare/report.hpp"

#include <algorithm>

namespace tessera {

std::string_view name_of(CaseStatus status) noexcept {
  switch (status) {
    case CaseStatus::ok: return "ok";
    case CaseStatus::unavailable: return "unavailable";
    case CaseStatus::failed: return "failed";
  }
  return "?";
}

bool is_scored(const ModelReport& model) noexcept {
  return std::ranges::any_of(model.cases, [](const CaseReport& row) { return row.top1.has_value(); });
}

}  // namespace tessera
