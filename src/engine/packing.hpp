// Packed models: a model together with what compiling it for one case has made.
#pragma once

#include <string>

#include "engine/model_impl.hpp"

namespace tessera {

/// Fills in a model from a file that Model::save_packed() wrote. Error{invalid} naming why it is refused.
void load_packed(Model::Impl& model, const std::string& path);

/// The tier that a packed model runs on. Error{unavailable} where this CPU lacks it; Error{invalid} where `options` ask
/// for what the file was not packed for.
Isa isa_of_packed(const Model::Impl& model, const SessionOptions& options);

}  // namespace tessera
