#include <algorithm>
#include <cstring>

#include "cpu/topology.hpp"
#include "kernels/tiers.hpp"
#include "passes/bf16.hpp"
#include "quantize/dynamic.hpp"
#include "runtime/batch_split.hpp"
#include "runtime/executor.hpp"
#include "runtime/model_impl.hpp"

namespace tessera {

struct Session::Impl {
  Isa isa;
  BatchSplit split;
  TuningSummary tuning;
  std::unique_ptr<Executor> executor;
};

namespace {

Isa choose_isa(const SessionOptions& options) {
  if (!options.isa) return best_runnable(cpu_features());
  if (const auto reason = why_not_runnable(cpu_features(), *options.isa))
    throw Error(ErrorKind::unavailable, "isa " + std::string(name_of(*options.isa)), *reason,
                "choose " + std::string(name_of(best_runnable(cpu_features()))) + " or lower");
  return *options.isa;
}

/// The graph that the options ask for, shapes still symbolic.
Graph lowered_graph(const Model::Impl& model, const SessionOptions& options) {
  if (options.opt_level == 0) {
    if (options.precision != Precision::fp32)
      reject("opt-level 0",
             "runs the file node by node in its own precision, not in " + std::string(name_of(options.precision)),
             "use --opt-level 1");
    return model.source;
  }
  if (options.precision == Precision::int8) return *quantized_graph(model, options);
  Graph graph = model.fused;
  if (options.precision == Precision::bf16) convert_to_bf16(graph);
  if (options.precision == Precision::int8_dynamic) quantize_linear_weights(graph);
  return graph;
}

std::vector<TensorInfo> describe(const std::vector<BoundPort>& ports) {
  std::vector<TensorInfo> infos;
  for (const BoundPort& port : ports) {
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

}  // namespace

Session Model::compile(const SessionOptions& options) const {
  const Isa isa = choose_isa(options);
  if (options.threads < 0 || options.threads > 1024)
    reject("threads", std::to_string(options.threads) + " is not a number of threads", "use 0 (all) to 1024");
  if (options.opt_level != 0 && options.opt_level != 1)
    reject("opt-level", std::to_string(options.opt_level) + " does not exist", "use 0 or 1");

  const Graph graph = lowered_graph(*impl_, options);
  const std::vector<Binding> bindings = bindings_for(graph, options.extents);
  Graph batch = graph;
  bind_shapes(batch, bindings);
  const Topology topology = detect_topology();
  const int threads = options.threads > 0 ? options.threads : topology.usable_cpus();
  auto impl = std::make_unique<Session::Impl>();
  impl->isa = isa;
  impl->split = split_batch(graph, batch, bindings, threads, topology);
  std::vector<int> cpus;
  if (options.pin && threads <= static_cast<int>(topology.one_per_core.size()))
    cpus.assign(topology.one_per_core.begin(), topology.one_per_core.begin() + threads);
  std::unique_ptr<Tuner> tuner;
  if (options.tune)
    tuner = std::make_unique<Tuner>(TunerOptions{cpu_features().brand, isa, threads, cpus,
                                                 std::max(topology.l3_bytes, topology.l2_bytes), options.tune_cache,
                                                 options.tune_progress});
  BatchPlans plans = plan_batch(graph, batch, bindings, impl->split, isa, threads, impl_->weights, tuner.get());
  if (tuner != nullptr) impl->tuning = tuner->finish();
  impl->executor = std::make_unique<Executor>(std::move(plans), threads, cpus);
  return Session(std::move(impl));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

void Session::set_input(const std::string& name, const Tensor& tensor) {
  const BoundPort& port = find_port(impl_->executor->inputs(), name, "input");
  if (tensor.type() != port.type || !(tensor.shape() == port.shape))
    reject("input " + name,
           std::string(name_of(tensor.type())) + " " + to_string(tensor.shape()) + " does not fit the compiled " +
               std::string(name_of(port.type)) + " " + to_string(port.shape),
           "convert the data, or compile with other extents (--batch, --seq)");
  std::memcpy(port.data, tensor.data(), tensor.bytes());
}

void Session::infer() {
  impl_->executor->infer();
}

Tensor Session::output(const std::string& name) const {
  const BoundPort& port = find_port(impl_->executor->outputs(), name, "output");
  Tensor tensor(port.type, port.shape);
  std::memcpy(tensor.mutable_data(), port.data, tensor.bytes());
  return tensor;
}

TensorMap Session::run(const TensorMap& inputs) {
  for (const BoundPort& port : impl_->executor->inputs())
    if (!inputs.contains(port.name)) reject("input " + port.name, "no data given", "give every input of the model");
  for (const auto& [name, tensor] : inputs) set_input(name, tensor);
  infer();
  TensorMap outputs;
  for (const BoundPort& port : impl_->executor->outputs()) outputs[port.name] = output(port.name);
  return outputs;
}

std::vector<TensorInfo> Session::inputs() const {
  return describe(impl_->executor->inputs());
}
std::vector<TensorInfo> Session::outputs() const {
  return describe(impl_->executor->outputs());
}
Isa Session::isa() const noexcept {
  return impl_->isa;
}
int Session::threads() const noexcept {
  return impl_->executor->threads();
}

MemoryInfo Session::memory() const noexcept {
  return {impl_->executor->weight_bytes(), impl_->executor->arena_bytes()};
}

double Session::gflop() const noexcept {
  double total = 0;
  for (const StepInfo& step : impl_->executor->steps()) total += step.gflop;
  return total;
}

const BatchSplit& Session::batch_split() const noexcept {
  return impl_->split;
}

const TuningSummary& Session::tuning() const noexcept {
  return impl_->tuning;
}

std::vector<StepInfo> Session::explain(int profile_runs) {
  std::vector<StepInfo> infos = impl_->executor->steps();
  std::vector<double> seconds(infos.size());
  for (int i = 0; i < profile_runs; ++i) impl_->executor->infer_timed(seconds);
  if (profile_runs > 0)
    for (std::size_t i = 0; i < infos.size(); ++i) infos[i].seconds = seconds[i] / profile_runs;
  return infos;
}

}  // namespace tessera
