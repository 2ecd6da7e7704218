// Sessions in the C API.
#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "c_api/guard.hpp"
#include "c_api/handles.hpp"
#include "core/error.hpp"

namespace tessera {
namespace {

/// The caller's inputs by name, their memory lent.
TensorMap named_inputs(const tessera_session& session, const tessera_tensor* inputs, std::size_t count) {
  if (count > 0) require(inputs, "inputs");
  TensorMap map;
  for (std::size_t i = 0; i < count; ++i) {
    if (inputs[i].name == nullptr) require_index(i, session.inputs.size(), "input");
    const std::string name = inputs[i].name != nullptr ? inputs[i].name : session.inputs[i];
    if (!map.emplace(name, borrowed(inputs[i], "input " + name)).second) reject("input " + name, "is given twice");
  }
  return map;
}

/// The same with memory of its own.
TensorMap copies_of(const TensorMap& lent) {
  TensorMap copies;
  for (const auto& [name, tensor] : lent) {
    Tensor copy(tensor.type(), tensor.shape());
    std::copy_n(tensor.data(), tensor.bytes(), copy.mutable_data());
    copies.emplace(name, std::move(copy));
  }
  return copies;
}

std::unique_ptr<tessera_outputs> in_order(const std::vector<std::string>& names, TensorMap tensors) {
  auto outputs = std::make_unique<tessera_outputs>();
  for (const std::string& name : names) outputs->tensors.emplace_back(name, std::move(tensors.at(name)));
  return outputs;
}

}  // namespace
}  // namespace tessera

extern "C" {

tessera_status tessera_session_create(const tessera_model* model, const tessera_session_options* options,
                                      tessera_session** session) {
  return tessera::guarded([&] {
    tessera::require(model, "model");
    tessera::require(session, "session");
    *session = nullptr;
    *session = std::make_unique<tessera_session>(model->model.compile(tessera::session_options(options))).release();
  });
}

tessera_status tessera_model_save_packed(const tessera_model* model, const char* path,
                                         const tessera_session_options* options) {
  return tessera::guarded([&] {
    tessera::require(model, "model");
    tessera::require(path, "path");
    model->model.save_packed(path, tessera::session_options(options));
  });
}

void tessera_session_free(tessera_session* session) {
  delete session;
}

tessera_isa tessera_session_isa(const tessera_session* session) {
  return session == nullptr ? TESSERA_ISA_BEST : tessera::c_isa(session->session.isa());
}
int tessera_session_threads(const tessera_session* session) {
  return session == nullptr ? 0 : session->session.threads();
}
int tessera_session_streams(const tessera_session* session) {
  return session == nullptr ? 0 : session->session.streams();
}
size_t tessera_session_input_count(const tessera_session* session) {
  return session == nullptr ? 0 : session->inputs.size();
}
size_t tessera_session_output_count(const tessera_session* session) {
  return session == nullptr ? 0 : session->outputs.size();
}

tessera_status tessera_session_input(tessera_session* session, size_t index, tessera_tensor* input) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(input, "input");
    tessera::require_index(index, session->inputs.size(), "input");
    const std::string& name = session->inputs[index];
    *input = tessera::c_tensor(name.c_str(), session->session.input_view(name));
  });
}

tessera_status tessera_session_output(tessera_session* session, size_t index, tessera_tensor* output) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(output, "output");
    tessera::require_index(index, session->outputs.size(), "output");
    const std::string& name = session->outputs[index];
    *output = tessera::c_tensor(name.c_str(), session->session.output_view(name));
  });
}

tessera_status tessera_session_infer(tessera_session* session) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    session->session.infer();
  });
}

tessera_status tessera_session_prepare(tessera_session* session, const tessera_extent* extents, size_t extent_count) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    session->session.prepare(tessera::extents(extents, extent_count));
  });
}

void tessera_outputs_free(tessera_outputs* outputs) {
  delete outputs;
}

size_t tessera_outputs_count(const tessera_outputs* outputs) {
  return outputs == nullptr ? 0 : outputs->tensors.size();
}

tessera_status tessera_outputs_get(const tessera_outputs* outputs, size_t index, tessera_tensor* output) {
  return tessera::guarded([&] {
    tessera::require(outputs, "outputs");
    tessera::require(output, "output");
    tessera::require_index(index, outputs->tensors.size(), "output");
    const auto& [name, tensor] = outputs->tensors[index];
    *output = tessera::c_tensor(name.c_str(), tensor.view());
  });
}

tessera_status tessera_session_run(tessera_session* session, const tessera_tensor* inputs, size_t input_count,
                                   tessera_outputs** outputs) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(outputs, "outputs");
    *outputs = nullptr;
    tessera::TensorMap results = session->session.run(tessera::named_inputs(*session, inputs, input_count));
    *outputs = tessera::in_order(session->outputs, std::move(results)).release();
  });
}

tessera_status tessera_session_run_async(tessera_session* session, const tessera_tensor* inputs, size_t input_count,
                                         tessera_done done, void* user) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(reinterpret_cast<const void*>(done), "done");
    tessera::TensorMap copies = tessera::copies_of(tessera::named_inputs(*session, inputs, input_count));
    session->session.run_async(
        std::move(copies), [session, done, user](tessera::TensorMap results, const std::exception_ptr& error) {
          std::unique_ptr<tessera_outputs> outputs;
          tessera_status status = TESSERA_OK;
          if (error != nullptr)
            status = tessera::remember(error);
          else
            status = tessera::guarded([&] { outputs = tessera::in_order(session->outputs, std::move(results)); });
          done(user, status, outputs.release());
        });
  });
}

tessera_status tessera_session_warnings(const tessera_session* session,
                                        void (*warning)(void* user, const tessera_warning* warning), void* user) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(reinterpret_cast<const void*>(warning), "warning");
    for (const tessera::SessionWarning& told : session->session.warnings()) {
      const tessera_warning c = {told.code.c_str(), told.subject.c_str(), told.message.c_str(), told.count};
      warning(user, &c);
    }
  });
}

tessera_status tessera_session_memory(const tessera_session* session, tessera_memory* memory) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(memory, "memory");
    const tessera::MemoryInfo info = session->session.memory();
    *memory = {info.packed_weights, info.arena, info.plans, info.plan_limit, info.plan_count};
  });
}

tessera_status tessera_session_explain(tessera_session* session, int profile_runs,
                                       void (*step)(void* user, const tessera_step* step), void* user) {
  return tessera::guarded([&] {
    tessera::require(session, "session");
    tessera::require(reinterpret_cast<const void*>(step), "step");
    for (const tessera::StepInfo& info : session->session.explain(profile_runs)) {
      const tessera_step c = {info.node.c_str(),      info.op.c_str(),  info.kernel.c_str(), info.isa.c_str(),
                              info.precision.c_str(), info.why.c_str(), info.gflop,          info.seconds};
      step(user, &c);
    }
  });
}

}  // extern "C"
