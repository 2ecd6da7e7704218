// The options of sessions, from C.
#include <algorithm>

#include "c_api/guard.hpp"
#include "c_api/values.hpp"

namespace tessera {

int stream_count(int streams) noexcept {
  return streams == 0 ? 1 : std::max(streams, 0);
}

SessionOptions session_options(const tessera_session_options* given) {
  // Every member of the struct has a name here: one that is added to the header and not to this list is an error of the
  // compiler, not an option without effect.
  const auto [struct_size, the_precision, the_isa, threads, streams, unpinned, node_by_node, fixed_extents, symbols,
              symbol_count, cpus, cpu_count, numa_node, plan_cache_bytes, queue_limit, tune, tune_cache,
              synthetic_calibration, skip_padding] = options_of(given, "tessera_session_options");
  SessionOptions options = {.precision = precision(the_precision),
                            .isa = isa(the_isa),
                            .threads = threads,
                            .opt_level = node_by_node != 0 ? 0 : 1,
                            .pin = unpinned == 0,
                            .extents = extents(symbols, symbol_count),
                            .fixed_extents = fixed_extents != 0,
                            .streams = stream_count(streams),
                            .tune = tune != 0};
  if (cpus != nullptr) options.cpus.assign(cpus, cpus + cpu_count);
  if (numa_node != nullptr) options.numa_node = *numa_node;
  if (plan_cache_bytes != 0) options.plan_cache_bytes = plan_cache_bytes;
  if (queue_limit != 0) options.queue_limit = queue_limit;
  if (tune_cache != nullptr) options.tune_cache = tune_cache;
  options.calibration_options.synthetic = synthetic_calibration != 0;
  options.skip_padding = skip_padding != 0;
  return options;
}

}  // namespace tessera
