// All streams of a session kept busy: what a server would see of it.
#pragma once

#include <cstddef>
#include <vector>

#include "compare/measure.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

class BusyStreams {
 public:
  /// Every request runs the same `inputs`. Both must outlive this.
  BusyStreams(Session& session, const TensorMap& inputs, Clock clock);

  /// Requests of one burst: several for each stream, so that the end, where the first streams have nothing left to do,
  /// weighs little.
  [[nodiscard]] int requests() const noexcept { return requests_; }
  /// A burst: as many requests under way as there are streams, each of which takes the next when it is done. Returns
  /// when all are done. What a request throws, this throws.
  void run();
  /// Seconds of each request, from being handed over to its outputs being there, of the last `bursts` bursts.
  [[nodiscard]] std::vector<double> latencies(std::size_t bursts) const;

 private:
  Session& session_;
  const TensorMap& inputs_;
  Clock clock_;
  int requests_;
  std::vector<double> latencies_;  ///< of all bursts that went well
};

}  // namespace tessera
