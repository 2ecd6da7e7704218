#include "hub/named_weights.hpp"

#include "core/error.hpp"

namespace tessera {

std::string NamedWeights::file_name(const std::string& name) const {
  std::string wanted = translate_(name);
  if (files_.holds(wanted)) return wanted;
  for (const auto& [now, once] : {std::pair{".weight", ".gamma"}, {".bias", ".beta"}}) {
    if (!wanted.ends_with(std::string("LayerNorm") + now)) continue;
    std::string old = wanted.substr(0, wanted.rfind('.')) + once;
    if (files_.holds(old)) return old;
  }
  return wanted;
}

const Shape* NamedWeights::shape_of(const std::string& name) const {
  return files_.shape_of(file_name(name));
}

std::int64_t NamedWeights::extent(const std::string& name, std::size_t axis) const {
  const Shape* shape = shape_of(name);
  if (shape == nullptr)
    reject(files_.folder(), "tensor " + file_name(name) + " is missing",
           "check that config.json belongs to these weights, or export the model as ONNX");
  if (axis >= shape->rank())
    reject(files_.folder(), "tensor " + file_name(name) + " has the shape " + to_string(*shape),
           "check that config.json belongs to these weights, or export the model as ONNX");
  return (*shape)[axis];
}

Tensor NamedWeights::tensor(const std::string& name, const Shape& shape, const Initial& /*initial*/) {
  const std::string file = file_name(name);
  const Shape* held = files_.shape_of(file);
  if (held == nullptr)
    reject(files_.folder(), "tensor " + file + " is missing",
           "check that config.json belongs to these weights, or export the model as ONNX");
  if (!(*held == shape))
    reject(files_.folder(),
           "tensor " + file + " has the shape " + to_string(*held) + ", config.json makes it " + to_string(shape),
           "check that config.json belongs to these weights");
  used_.insert(file);
  return files_.read(file);
}

void NamedWeights::expect_all_used(const std::function<bool(const std::string&)>& part_of) const {
  for (const std::string& name : files_.names())
    if (!used_.contains(name) && part_of(name))
      reject(files_.folder(), "tensor " + name + " has no place in this architecture",
             "the network is a variant that is not known here: export it as ONNX");
}

}  // namespace tessera
