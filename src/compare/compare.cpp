#include "tessera/compare.hpp"

#include <utility>

#include "compare/compare_models.hpp"
#include "compare/output_directory.hpp"
#include "compare/writers.hpp"
#include "data/batches.hpp"
#include "data/open_dataset.hpp"

namespace tessera {

struct Comparison::Impl {
  Report report;
};

namespace {

std::vector<PlannedCase> planned_cases(const CompareOptions& options) {
  std::vector<CaseRequest> requests;
  requests.reserve(options.cases.size());
  for (const std::string& name : options.cases) requests.push_back(parse_case(name));
  if (requests.empty()) requests = default_cases();
  return plan_cases(requests, availability_here(), std::nullopt, options.strict);
}

ComparedModel load(const std::string& name, const CompareOptions& options) {
  const Model model = Model::load(name);
  ComparedModel compared{model, source_of(model, name), {}, nullptr, options.data};
  const DatasetModel bound = dataset_model(name, model, options.extents);
  const auto batch = options.extents.find("batch");
  if (!options.calibration.empty())
    compared.calibration = read_batches(*open_dataset(options.calibration, bound), model.inputs(),
                                        batch == options.extents.end() ? 1 : batch->second, most_calibration_items);
  if (!options.data.empty()) compared.data = open_dataset(options.data, bound);
  return compared;
}

ComparisonOptions comparison_options(const CompareOptions& options) {
  ComparisonOptions comparison;
  comparison.cases = planned_cases(options);
  comparison.extents = options.extents;
  comparison.threads = options.threads;
  comparison.measure = {
      .warmup = options.warmup, .samples = options.samples, .max_seconds = options.max_seconds, .seed = options.seed};
  comparison.seed = options.seed;
  return comparison;
}

}  // namespace

Comparison::Comparison(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Comparison::Comparison(Comparison&&) noexcept = default;
Comparison& Comparison::operator=(Comparison&&) noexcept = default;
Comparison::~Comparison() = default;

std::string Comparison::json() const {
  return report_json(impl_->report);
}
std::string Comparison::csv() const {
  return report_csv(impl_->report);
}
std::string Comparison::html() const {
  return report_html(impl_->report);
}
std::string Comparison::text(int width) const {
  return report_text(impl_->report, {.colour = false, .unicode = true, .width = width});
}

void Comparison::save(const std::string& folder) const {
  OutputDirectory output(folder);
  for (const auto& [name, content] : report_files(impl_->report)) output.stage(name, content);
  output.commit();
}

Comparison compare(const std::vector<std::string>& models, const CompareOptions& options) {
  const ComparisonOptions comparison = comparison_options(options);
  std::vector<ComparedModel> loaded;
  loaded.reserve(models.size());
  for (const std::string& name : models) loaded.push_back(load(name, options));
  ComparisonEvents events;
  std::string activity;
  if (options.progress) {
    events.stage = [&](const std::string& stage) { options.progress(activity = stage, 0); };
    events.progress = [&](const MeasureProgress& progress) { options.progress(activity, progress.fraction); };
  }
  return Comparison(std::make_unique<Comparison::Impl>(
      Comparison::Impl{compare_models(loaded, comparison, options.accuracy_inputs, std::nullopt, events)}));
}

}  // namespace tessera
