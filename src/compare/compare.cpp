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

ComparedModel load(const std::string& name, const CompareOptions& options, const std::vector<Extents>& points) {
  const Model model = Model::load(name);
  ComparedModel compared{model, source_of(model, name), {}, {}, options.data};
  const Extents extents = calibration_point(points);
  const auto batch = extents.find("batch");
  if (!options.calibration.empty())
    compared.calibration =
        read_batches(*open_dataset(options.calibration, dataset_model(name, model, extents)), model.inputs(),
                     batch == extents.end() ? 1 : batch->second, most_calibration_items);
  if (options.data.empty()) return compared;
  for (const Extents& point : points)
    compared.data.push_back(open_dataset(options.data, dataset_model(name, model, point)));
  return compared;
}

ComparisonOptions comparison_options(const CompareOptions& options) {
  ComparisonOptions comparison;
  comparison.cases = planned_cases(options);
  comparison.points = sweep_points(options.extents, options.sweep);
  comparison.threads = options.threads;
  comparison.streams = options.streams;
  comparison.profile_runs = options.profile_runs;
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
  for (const std::string& name : models) loaded.push_back(load(name, options, comparison.points));
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
