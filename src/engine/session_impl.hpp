// What a Session holds: plans by extents, and streams that run them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/free_streams.hpp"
#include "engine/input_watch.hpp"
#include "engine/model_impl.hpp"
#include "engine/padding.hpp"
#include "engine/plan_cache.hpp"
#include "engine/request_queue.hpp"
#include "engine/stream.hpp"
#include "engine/stream_places.hpp"

namespace tessera {

struct Session::Impl {
  Impl(std::shared_ptr<const Model::Impl> the_model, Graph graph, PlanSettings settings, const StreamPlaces& places,
       bool integers)
      : model(std::move(the_model)),
        cache(std::move(graph), std::move(settings), model->weights),
        watch(cache.graph(), integers),
        free(places.cpus.size()) {
    for (const std::vector<int>& cpus : places.cpus) streams.push_back(std::make_unique<Stream>(places.threads, cpus));
  }

  const std::shared_ptr<const Model::Impl> model;
  Isa isa = Isa::avx2;
  bool fixed_extents = false;
  std::size_t plan_limit = 0;
  TuningSummary tuning;
  PreparationInfo preparation;
  PlanCache cache;
  InputWatch watch;
  std::optional<MaskedSequences> sequences;  ///< of which run() computes no padding; nothing: it does
  std::vector<std::unique_ptr<Stream>> streams;
  FreeStreams free;
  std::shared_ptr<const ShapedPlan> prepared;  ///< what set_input() and infer() are about, on stream 0
  std::size_t arena_bytes = 0;                 ///< of `prepared`, in each stream
  std::atomic<bool> in_use = false;            ///< by a thread inside set_input(), infer() ...
  std::unique_ptr<RequestQueue> queue;         ///< last: it ends before what its requests use

  Executor& bind_prepared() {
    Executor& executor = streams[0]->prepare(prepared);
    arena_bytes = executor.arena_bytes();
    return executor;
  }
};

}  // namespace tessera
