// What the parts of a comparison share: a case with its session, and the point at which all of them are compared.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"
#include "compare/report.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// What stands in a row that the user did not wait for.
inline constexpr const char* interrupted_reason = "interrupted before it was measured";

struct Candidate {
  PlannedCase planned;
  CaseReport row;                    ///< of the point at hand
  std::unique_ptr<Session> session;  ///< null where the case does not run
  double grown_mb = 0;               ///< what the process has grown by for it so far
};

/// One batch and sequence length.
struct ComparedPoint {
  Extents extents;
  TensorMap inputs;                ///< that are timed
  std::optional<ItemSource> data;  ///< for the accuracy
};

inline SessionOptions session_options(const ComparisonOptions& comparison, const Extents& extents, Precision precision,
                                      std::optional<Isa> isa) {
  SessionOptions session;
  session.precision = precision;
  session.isa = isa;
  session.threads = comparison.threads;
  session.streams = comparison.streams;
  session.extents = extents;
  session.calibration = comparison.calibration;
  session.calibration_options.synthetic = comparison.synthetic_calibration;
  return session;
}

/// Runs `work`; what it throws becomes the state of the row and ends its session.
template <typename Work>
bool guarded(Candidate& candidate, Work work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    candidate.row.status = error.kind() == ErrorKind::unavailable ? CaseStatus::unavailable : CaseStatus::failed;
    candidate.row.reason = error.what();
  } catch (const std::bad_alloc&) {
    candidate.row.status = CaseStatus::failed;
    candidate.row.reason = "out of memory";
  } catch (const std::exception& error) {
    candidate.row.status = CaseStatus::failed;
    candidate.row.reason = error.what();
  }
  candidate.session.reset();
  return false;
}

/// The FP32 case that others are compared with; null where none runs.
inline Candidate* baseline_of(std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates)
    if (candidate.session != nullptr && candidate.planned.precision == Precision::fp32) return &candidate;
  return nullptr;
}

inline void bind_inputs(Session& session, const TensorMap& inputs) {
  for (const auto& [name, tensor] : inputs) session.set_input(name, tensor);
}

}  // namespace tessera
