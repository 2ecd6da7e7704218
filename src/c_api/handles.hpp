// What the opaque handles of the C API hold.
#pragma once

#include <string>
#include <vector>

#include "c_api/values.hpp"

struct tessera_model {
  explicit tessera_model(tessera::Model the_model)
      : model(std::move(the_model)), inputs(model.inputs()), outputs(model.outputs()) {}

  tessera::Model model;
  std::vector<tessera::TensorInfo> inputs, outputs;  ///< their strings are lent
};

struct tessera_session {
  explicit tessera_session(tessera::Session the_session) : session(std::move(the_session)) {
    for (tessera::TensorInfo& info : session.inputs()) inputs.push_back(std::move(info.name));
    for (tessera::TensorInfo& info : session.outputs()) outputs.push_back(std::move(info.name));
  }

  std::vector<std::string> inputs, outputs;  ///< names in the order of the model
  tessera::Session session;                  ///< last: it waits for callbacks, which may ask for names
};

struct tessera_outputs {
  std::vector<std::pair<std::string, tessera::Tensor>> tensors;
};
