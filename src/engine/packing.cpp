#include "engine/packing.hpp"

#include "cpu/case_name.hpp"
#include "cpu/topology.hpp"
#include "engine/session_impl.hpp"
#include "formats/packed_model.hpp"
#include "kernels/tiers.hpp"

namespace tessera {

void load_packed(Model::Impl& model, const std::string& path) {
  PackedModel file = read_packed_model(path, std::string(version), detect_topology().usable_cpus());
  const auto precision = precision_from_name(file.precision);
  const auto isa = isa_from_name(file.isa);
  if (!precision || !isa)
    reject("packed model " + path, "is for a case that is not known here: " + file.precision + "@" + file.isa,
           "compile the model again");
  model.name = std::move(file.name);
  model.synthetic = file.synthetic;
  model.packed = PackedCase{*precision, *isa};
  model.quantized_by_file = *precision == Precision::int8;
  model.files = {path};
  model.source = file.graph;
  model.fused = std::move(file.graph);
  for (PackedForm& form : file.forms)
    model.weights.put(WeightStore::Packed{std::move(form.source), std::move(form.form), std::move(form.packed)});
  for (PackedFact& fact : file.facts)
    model.weights.put(WeightStore::Found{std::move(fact.source), std::move(fact.question), std::move(fact.found)});
}

Isa isa_of_packed(const Model::Impl& model, const SessionOptions& options) {
  const PackedCase& packed = *model.packed;
  const std::string subject = "model " + model.name,
                    what = "it is packed for " + case_name(packed.precision, packed.isa);
  const bool precision_fits = options.precision == Precision::fp32 || options.precision == packed.precision;
  if (!precision_fits || (options.isa && *options.isa != packed.isa) || options.opt_level != 1)
    reject(subject, what, "leave out --precision, --isa and --opt-level, or compile the model for that case");
  if (const auto reason = why_not_runnable(cpu_features(), packed.isa))
    throw Error(ErrorKind::unavailable, subject, what + ", and " + *reason,
                "compile it for " + std::string(name_of(best_runnable(cpu_features()))) + " or lower");
  return packed.isa;
}

std::optional<PackedCase> Model::packed_case() const noexcept {
  return impl_->packed;
}

void Model::save_packed(const std::string& path, const SessionOptions& options) const {
  const Session session = compile(options);
  PackedModel file;
  file.tessera = version;
  file.name = name();
  file.synthetic = synthetic_weights();
  file.precision = name_of(impl_->packed ? impl_->packed->precision : options.precision);
  file.isa = name_of(session.isa());
  file.graph = session.impl_->cache.graph();
  for (WeightStore::Packed& packed : impl_->weights.all_packed())
    file.forms.push_back({std::move(packed.source), std::move(packed.form), std::move(packed.packed)});
  for (WeightStore::Found& found : impl_->weights.all_found())
    file.facts.push_back({std::move(found.source), std::move(found.question), std::move(found.found)});
  write_packed_model(file, path);
}

}  // namespace tessera
