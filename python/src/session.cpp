#include "session.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "compare/profile.hpp"
#include "core/error.hpp"
#include "errors.hpp"
#include "progress.hpp"

namespace tessera::python {
namespace {

using Clock = std::chrono::steady_clock;

/// Whether this thread is running a callback of Python for a request.
thread_local bool inside_callback = false;

/// Of the last run() or infer() of this thread.
thread_local Clock::duration engine_time{};

/// Does `work` without the GIL and keeps how long it took.
template <class Work>
void in_the_engine(const Work& work) {
  const nb::gil_scoped_release release;
  const Clock::time_point begin = Clock::now();
  work();
  engine_time = Clock::now() - begin;
}

}  // namespace

PythonSession::PythonSession(Model model, Session session, std::map<std::string, std::int64_t> extents)
    : model_(std::move(model)),
      session_(std::move(session)),
      extents_(std::move(extents)),
      inputs_(model_.inputs()),
      outputs_(model_.outputs()) {}

PythonSession::~PythonSession() {
  if (inside_callback) {  // on a thread of this session, which cannot wait for itself
    std::thread([session = std::move(session_)] {}).detach();
    return;
  }
  const nb::gil_scoped_release release;
  session_.reset();
}

Session& PythonSession::engine_without_views() {
  if (views_.use_count() > 1)
    reject("session", "arrays from input_view() or output_view() are in use, and their memory would move",
           "delete them first, or give each way of working a session of its own");
  return *session_;
}

std::shared_ptr<const void> PythonSession::begin_request() {
  const std::lock_guard lock(requests_->mutex);
  ++requests_->count;
  return {requests_.get(), [requests = requests_](const void*) {
            const std::lock_guard end(requests->mutex);
            --requests->count;
            requests->finished.notify_all();
          }};
}

void PythonSession::wait() {
  std::unique_lock lock(requests_->mutex);
  requests_->finished.wait(lock, [this] { return requests_->count == 0; });
}

void PythonSession::run_async(TensorMap inputs, Session::Done done) {
  engine_without_views().run_async(std::move(inputs),
                                   [done = std::move(done)](TensorMap outputs, const std::exception_ptr& error) {
                                     inside_callback = true;
                                     done(std::move(outputs), error);
                                     inside_callback = false;
                                   });
}

void PythonSession::prepare(const std::map<std::string, std::int64_t>& extents) {
  engine_without_views().prepare(extents);
  extents_ = extents;
}

TensorMap PythonSession::random_inputs() const {
  return model_.random_inputs(extents_, 1);
}

namespace {

nb::dict run(PythonSession& session, const nb::dict& feeds, const nb::object& convert) {
  TensorMap outputs;
  {
    const TensorMap inputs = tensors_from(feeds, session.inputs(), convert);
    in_the_engine([&] { outputs = session.engine_without_views().run(inputs); });
  }
  return dict_from(std::move(outputs), session.outputs());
}

/// `done(outputs: dict | None, error: BaseException | None)` is called on a thread of the session.
void run_async(PythonSession& session, const nb::dict& feeds, const nb::object& convert, nb::object done) {
  const std::shared_ptr<const void> token = session.begin_request();
  TensorMap inputs = tensors_from(feeds, session.inputs(), convert, token);
  // Captured first, and so let go last: whoever waits for it knows that this thread needs Python no more.
  const auto tell = [token, order = session.outputs(), function = shared(std::move(done))](
                        TensorMap outputs, const std::exception_ptr& error) {
    const nb::gil_scoped_acquire gil;
    try {
      if (error == nullptr)
        nb::handle(function.get())(dict_from(std::move(outputs), order), nb::none());
      else
        nb::handle(function.get())(nb::none(), python_exception(error));
    } catch (nb::python_error& raised) {
      raised.discard_as_unraisable("a callback of tessera");
    }
  };
  const nb::gil_scoped_release release;
  session.run_async(std::move(inputs), tell);
}

/// Milliseconds of each call of Session::run, or, without `feeds`, of Session::infer; Python's share left out.
nb::object measure(PythonSession& session, const std::optional<nb::dict>& feeds, const nb::object& convert, int samples,
                   int warmup) {
  TensorMap inputs;
  if (feeds) inputs = tensors_from(*feeds, session.inputs(), convert);
  const auto call = [&] {
    if (feeds)
      session.engine_without_views().run(inputs);
    else
      session.engine().infer();
  };
  Tensor times(DataType::f32, {samples});
  Progress signals{nb::none()};
  {
    const nb::gil_scoped_release release;
    const auto milliseconds = times.mutable_as<float>();
    for (int i = -warmup; i < samples; ++i) {
      const Clock::time_point begin = Clock::now();
      call();
      const std::chrono::duration<float, std::milli> taken = Clock::now() - begin;
      if (i >= 0) milliseconds[static_cast<std::size_t>(i)] = taken.count();
      signals("measuring", std::nullopt);
    }
  }
  return array_from(std::move(times));
}

/// An array over memory of the session, which lives as long as the array.
nb::object view_of(const nb::object& self, bool of_output, const std::string& name) {
  auto& session = nb::cast<PythonSession&>(self);
  const TensorView view = of_output ? session.engine().output_view(name) : session.engine().input_view(name);
  struct Owner {
    nb::object session;
    std::shared_ptr<const void> token;
  };
  const nb::capsule owner(new Owner{self, session.begin_view()},
                          [](void* pointer) noexcept { delete static_cast<Owner*>(pointer); });
  return array_over(view, owner);
}

nb::list choices_of(const StepInfo& step) {
  nb::list choices;
  for (const StepChoice& choice : step.choices) {
    nb::dict ways, entry;
    for (const StepChoice::Way& way : choice.ways)
      ways[way.name.c_str()] = way.seconds > 0 ? nb::object(nb::float_(way.seconds * 1e3)) : nb::object(nb::none());
    entry["topic"] = choice.topic;
    entry["taken"] = choice.taken;
    entry["by"] = choice.by;
    entry["ways"] = ways;
    choices.append(entry);
  }
  return choices;
}

nb::list explain(PythonSession& session, int profile) {
  LayerProfile layers;
  {
    const nb::gil_scoped_release release;
    if (profile > 0)
      for (const auto& [name, tensor] : session.random_inputs()) session.engine().set_input(name, tensor);
    layers = profile_layers(session.engine(), profile);
  }
  nb::list rows;
  for (const ProfiledStep& entry : layers.steps) {
    const StepInfo& step = entry.step;
    nb::dict row;
    row["node"] = step.node;
    row["op"] = step.op;
    row["kernel"] = step.kernel;
    row["isa"] = step.isa;
    row["precision"] = step.precision;
    row["why"] = step.why;
    row["gflop"] = step.gflop;
    row["bytes"] = step.bytes;
    row["runs"] = step.runs;
    row["ms"] = profile > 0 ? nb::object(nb::float_(step.seconds * 1e3)) : nb::object(nb::none());
    row["share"] = profile > 0 ? nb::object(nb::float_(entry.share)) : nb::object(nb::none());
    row["peak_fraction"] = profile > 0 ? nb::object(nb::float_(entry.peak_fraction)) : nb::object(nb::none());
    row["reason"] = entry.reason;
    row["reads"] = step.reads;
    row["choices"] = choices_of(step);
    rows.append(row);
  }
  return rows;
}

nb::dict memory(const PythonSession& session) {
  const MemoryInfo info = session.engine().memory();
  nb::dict bytes;
  bytes["packed_weights"] = info.packed_weights;
  bytes["arena"] = info.arena;
  bytes["plans"] = info.plans;
  bytes["plan_limit"] = info.plan_limit;
  bytes["plan_count"] = info.plan_count;
  return bytes;
}

nb::list warnings(const PythonSession& session) {
  nb::list all;
  for (const SessionWarning& warning : session.engine().warnings()) {
    nb::dict entry;
    entry["code"] = warning.code;
    entry["subject"] = warning.subject;
    entry["message"] = warning.message;
    entry["count"] = warning.count;
    all.append(entry);
  }
  return all;
}

}  // namespace

void bind_session(nb::module_& module) {
  module.def(
      "engine_seconds", [] { return std::chrono::duration<double>(engine_time).count(); },
      "What the last run() or infer() of this thread took inside the engine; the rest of the call was Python's.");
  nb::class_<PythonSession>(module, "Session")
      .def("run", &run, nb::arg("feeds"), nb::arg("convert"))
      .def("run_async", &run_async, nb::arg("feeds"), nb::arg("convert"), nb::arg("done"))
      .def("input_view", [](const nb::object& self, const std::string& name) { return view_of(self, false, name); })
      .def("output_view", [](const nb::object& self, const std::string& name) { return view_of(self, true, name); })
      .def("infer", [](PythonSession& session) { in_the_engine([&] { session.engine().infer(); }); })
      .def("wait", &PythonSession::wait, nb::call_guard<nb::gil_scoped_release>())
      .def("measure", &measure, nb::arg("feeds").none(), nb::arg("convert"), nb::arg("samples"), nb::arg("warmup"))
      .def("prepare", &PythonSession::prepare, nb::arg("extents"), nb::call_guard<nb::gil_scoped_release>())
      .def("explain", &explain, nb::arg("profile"))
      .def("inputs", [](const PythonSession& session) { return list_from(session.engine().inputs()); })
      .def("outputs", [](const PythonSession& session) { return list_from(session.engine().outputs()); })
      .def("isa", [](const PythonSession& session) { return std::string(name_of(session.engine().isa())); })
      .def("threads", [](const PythonSession& session) { return session.engine().threads(); })
      .def("streams", [](const PythonSession& session) { return session.engine().streams(); })
      .def("gflop", [](const PythonSession& session) { return session.engine().gflop(); })
      .def("memory", &memory)
      .def("warnings", &warnings)
      .def("tuning_warning", [](const PythonSession& session) { return session.engine().tuning().warning; });
}

}  // namespace tessera::python
