#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.hpp"
#include "cpu/topology.hpp"
#include "engine/packing.hpp"
#include "engine/session_impl.hpp"
#include "engine/sole_user.hpp"
#include "kernels/tiers.hpp"
#include "passes/bf16.hpp"
#include "quantize/dynamic.hpp"

namespace tessera {
namespace {

Isa choose_isa(const Model::Impl& model, const SessionOptions& options) {
  if (model.packed) return isa_of_packed(model, options);
  if (!options.isa) return best_runnable(cpu_features());
  if (const auto reason = why_not_runnable(cpu_features(), *options.isa))
    throw Error(ErrorKind::unavailable, "isa " + std::string(name_of(*options.isa)), *reason,
                "choose " + std::string(name_of(best_runnable(cpu_features()))) + " or lower");
  return *options.isa;
}

/// The graph that the options ask for, shapes still symbolic.
Graph lowered_graph(const Model::Impl& model, const SessionOptions& options, PreparationInfo& preparation) {
  if (model.packed) return model.fused;
  if (options.opt_level == 0) {
    if (options.precision != Precision::fp32)
      reject("opt-level 0",
             "runs the file node by node in its own precision, not in " + std::string(name_of(options.precision)),
             "use --opt-level 1");
    return model.source;
  }
  if (options.precision == Precision::int8 && !model.quantized_by_file)
    return *model.calibrated.int8_graph(model, options, preparation);
  Graph graph = model.fused;
  if (options.precision == Precision::bf16) convert_to_bf16(graph);
  if (options.precision == Precision::int8_dynamic) quantize_linear_weights(graph);
  return graph;
}

/// Whether activations become integers on the way.
bool multiplies_integers(const Model::Impl& model, const SessionOptions& options) {
  return model.quantized_by_file || options.precision == Precision::int8 ||
         options.precision == Precision::int8_dynamic;
}

std::vector<TensorInfo> describe(const std::vector<Port>& ports) {
  std::vector<TensorInfo> infos;
  for (const Port& port : ports) {
    TensorInfo info{port.name, port.type, {}};
    for (const std::int64_t extent : port.shape.dims()) info.shape.push_back(std::to_string(extent));
    infos.push_back(std::move(info));
  }
  return infos;
}

const BoundPort& find_port(const std::vector<BoundPort>& ports, const std::string& name, const char* kind) {
  for (const BoundPort& port : ports)
    if (port.name == name) return port;
  std::string names;
  for (const BoundPort& port : ports) names += (names.empty() ? "" : ", ") + port.name;
  reject(std::string(kind) + " " + name, std::string("the model has no such ") + kind, "use one of: " + names);
}

Tensor copy_of(const BoundPort& port) {
  Tensor tensor(port.type, port.shape);
  std::memcpy(tensor.mutable_data(), port.data, tensor.bytes());
  return tensor;
}

void require_names(const Graph& graph, const TensorMap& inputs) {
  std::string names;
  for (const ValueId id : graph.inputs) {
    const std::string& name = graph.value(id).name;
    if (!inputs.contains(name)) reject("input " + name, "no data given", "give every input of the model");
    names += (names.empty() ? "" : ", ") + name;
  }
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::none_of(graph.inputs, [&, &wanted = name](ValueId id) { return graph.value(id).name == wanted; }))
      reject("input " + name, "the model has no such input", "use one of: " + names);
}

void require_shape(const BoundPort& port, const Tensor& tensor) {
  if (tensor.type() == port.type && tensor.shape() == port.shape) return;
  reject("input " + port.name,
         std::string(name_of(tensor.type())) + " " + to_string(tensor.shape()) + " does not fit " +
             std::string(name_of(port.type)) + " " + to_string(port.shape),
         "convert the data");
}

void require_prepared(const ShapedPlan& prepared, const std::vector<Binding>& bindings) {
  for (std::size_t i = 0; i < bindings.size(); ++i)
    if (bindings[i].extent != prepared.bindings[i].extent)
      reject("inputs",
             "extent " + bindings[i].symbol + " is " + std::to_string(bindings[i].extent) + ", compiled and fixed is " +
                 std::to_string(prepared.bindings[i].extent),
             "convert the data, or compile with other extents");
}

TensorMap run_on(Session::Impl& session, const TensorMap& inputs) {
  const Graph& graph = session.cache.graph();
  require_names(graph, inputs);
  const std::vector<Binding> bindings = bindings_of(graph, inputs, "inputs");
  if (session.fixed_extents) require_prepared(*session.prepared, bindings);
  const std::shared_ptr<const ShapedPlan> plan = session.cache.get(bindings);
  const Lease lease(session.free);
  Executor& executor = session.streams[lease.index()]->prepare(plan);
  for (const BoundPort& port : executor.inputs()) {
    const Tensor& tensor = inputs.at(port.name);
    require_shape(port, tensor);
    session.watch.look(port.name, tensor);
    std::memcpy(port.data, tensor.data(), tensor.bytes());
  }
  executor.infer();
  TensorMap outputs;
  for (const BoundPort& port : executor.outputs()) outputs[port.name] = copy_of(port);
  return outputs;
}

TensorMap run_request(Session::Impl& session, const TensorMap& inputs) {
  if (!session.sequences) return run_on(session, inputs);
  // What is wrong with the inputs is said of them, not of their parts.
  require_names(session.cache.graph(), inputs);
  static_cast<void>(bindings_of(session.cache.graph(), inputs, "inputs"));
  return run_without_padding(*session.sequences, inputs, session.streams[0]->threads(),
                             [&](const TensorMap& part) { return run_on(session, part); });
}

void skip_padding(Session::Impl& session, const SessionOptions& options) {
  if (!options.skip_padding) return;
  if (options.fixed_extents)
    reject("skip_padding", "runs parts of a batch at lengths of their own, and extents are fixed",
           "leave out fixed_extents");
  session.sequences.emplace(session.cache.graph());
  require_padding_ignored(*session.sequences, session.cache.graph(),
                          [&](const TensorMap& inputs) { return run_on(session, inputs); });
}

}  // namespace

Session Model::compile(const SessionOptions& options) const {
  const Isa isa = choose_isa(*impl_, options);
  if (options.opt_level != 0 && options.opt_level != 1)
    reject("opt-level", std::to_string(options.opt_level) + " does not exist", "use 0 or 1");
  const Topology topology = detect_topology();
  const StreamPlaces places = place_streams(options, read_cores(topology.allowed_cpus), topology.quota_cpus);
  PreparationInfo preparation;
  auto impl =
      std::make_unique<Session::Impl>(impl_, lowered_graph(*impl_, options, preparation),
                                      PlanSettings{isa, places.threads, topology, true, options.plan_cache_bytes},
                                      places, multiplies_integers(*impl_, options));
  impl->preparation = preparation;
  impl->isa = isa;
  impl->fixed_extents = options.fixed_extents;
  impl->plan_limit = options.plan_cache_bytes;
  impl->queue = std::make_unique<RequestQueue>(static_cast<int>(places.cpus.size()), options.queue_limit);
  std::unique_ptr<Tuner> tuner;
  if (options.tune)
    tuner = std::make_unique<Tuner>(TunerOptions{cpu_features().brand, isa, places.threads, places.cpus[0],
                                                 std::max(topology.l3_bytes, topology.l2_bytes), options.tune_cache,
                                                 options.tune_progress});
  impl->prepared = impl->cache.get(bindings_for(impl->cache.graph(), options.extents), tuner.get());
  if (tuner != nullptr) impl->tuning = tuner->finish();
  skip_padding(*impl, options);
  impl->bind_prepared();
  return Session(std::move(impl));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

void Session::prepare(const std::map<std::string, std::int64_t>& extents) {
  const SoleUser user(impl_->in_use);
  std::shared_ptr<const ShapedPlan> plan = impl_->cache.get(bindings_for(impl_->cache.graph(), extents));
  const Lease lease(impl_->free, 0);
  impl_->prepared = std::move(plan);
  impl_->bind_prepared();
}

void Session::set_input(const std::string& name, const Tensor& tensor) {
  const SoleUser user(impl_->in_use);
  const Lease lease(impl_->free, 0);
  const BoundPort& port = find_port(impl_->bind_prepared().inputs(), name, "input");
  if (tensor.type() != port.type || !(tensor.shape() == port.shape))
    reject("input " + name,
           std::string(name_of(tensor.type())) + " " + to_string(tensor.shape()) + " does not fit the compiled " +
               std::string(name_of(port.type)) + " " + to_string(port.shape),
           "convert the data, or compile with other extents (--batch, --seq)");
  impl_->watch.look(name, tensor);
  std::memcpy(port.data, tensor.data(), tensor.bytes());
}

void Session::infer() {
  const SoleUser user(impl_->in_use);
  const Lease lease(impl_->free, 0);
  impl_->bind_prepared().infer();
}

Tensor Session::output(const std::string& name) const {
  const SoleUser user(impl_->in_use);
  const Lease lease(impl_->free, 0);
  return copy_of(find_port(impl_->bind_prepared().outputs(), name, "output"));
}

TensorView Session::input_view(const std::string& name) {
  const SoleUser user(impl_->in_use);
  const Lease lease(impl_->free, 0);
  const BoundPort& port = find_port(impl_->bind_prepared().inputs(), name, "input");
  return {port.type, port.shape, port.data};
}

TensorView Session::output_view(const std::string& name) {
  const SoleUser user(impl_->in_use);
  const Lease lease(impl_->free, 0);
  const BoundPort& port = find_port(impl_->bind_prepared().outputs(), name, "output");
  return {port.type, port.shape, port.data};
}

TensorMap Session::run(const TensorMap& inputs) {
  return run_request(*impl_, inputs);
}

void Session::run_async(TensorMap inputs, Done done) {
  // The implementation stays where it is when the session is moved.
  const auto request = [impl = impl_.get(), inputs = std::move(inputs), done = std::move(done)] {
    TensorMap outputs;
    std::exception_ptr error;
    try {
      outputs = run_request(*impl, inputs);
    } catch (...) {
      error = std::current_exception();
    }
    done(std::move(outputs), error);
  };
  impl_->queue->add(request);
}

std::future<TensorMap> Session::run_async(TensorMap inputs) {
  const auto promise = std::make_shared<std::promise<TensorMap>>();
  run_async(std::move(inputs), [promise](TensorMap outputs, const std::exception_ptr& error) {
    if (error != nullptr)
      promise->set_exception(error);
    else
      promise->set_value(std::move(outputs));
  });
  return promise->get_future();
}

std::vector<TensorInfo> Session::inputs() const {
  return describe(impl_->prepared->plans.inputs);
}
std::vector<TensorInfo> Session::outputs() const {
  return describe(impl_->prepared->plans.outputs);
}
Isa Session::isa() const noexcept {
  return impl_->isa;
}
int Session::threads() const noexcept {
  return impl_->streams[0]->threads();
}
int Session::streams() const noexcept {
  return static_cast<int>(impl_->streams.size());
}

MemoryInfo Session::memory() const noexcept {
  return {weight_bytes(impl_->prepared->plans), impl_->arena_bytes * impl_->streams.size(), impl_->cache.bytes(),
          impl_->plan_limit, impl_->cache.count()};
}

double Session::gflop() const noexcept {
  double total = 0;
  for (const StepInfo& step : steps_of(impl_->prepared->plans)) total += step.gflop;
  return total;
}

const BatchSplit& Session::batch_split() const noexcept {
  return impl_->prepared->split;
}

const TuningSummary& Session::tuning() const noexcept {
  return impl_->tuning;
}

const PreparationInfo& Session::preparation() const noexcept {
  return impl_->preparation;
}

std::vector<SessionWarning> Session::warnings() const {
  return impl_->watch.warnings();
}

std::vector<StepInfo> Session::explain(int profile_runs) {
  const SoleUser user(impl_->in_use);
  const Lease lease(impl_->free, 0);
  Executor& executor = impl_->bind_prepared();
  std::vector<StepInfo> infos = executor.steps();
  std::vector<double> seconds(infos.size());
  for (int i = 0; i < profile_runs; ++i) executor.infer_timed(seconds);
  if (profile_runs > 0)
    for (std::size_t i = 0; i < infos.size(); ++i) infos[i].seconds = seconds[i] / profile_runs;
  return infos;
}

}  // namespace tessera
