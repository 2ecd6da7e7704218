#include "compare/profile_json.hpp"

#include <nlohmann/json.hpp>

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

Json choice_json(const StepChoice& choice) {
  Json json = {{"topic", choice.topic}, {"taken", choice.taken}, {"by", choice.by}, {"ways", Json::array()}};
  for (const StepChoice::Way& way : choice.ways) {
    json["ways"].push_back({{"way", way.name}, {"ms", nullptr}});
    if (way.seconds > 0) json["ways"].back()["ms"] = way.seconds * 1e3;
  }
  return json;
}

Json rate(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

Json steps_json(const LayerProfile& profile) {
  Json steps = Json::array();
  for (const ProfiledStep& entry : profile.steps) {
    const StepInfo& info = entry.step;
    Json step = {{"node", info.node},           {"op", info.op},       {"kernel", info.kernel}, {"isa", info.isa},
                 {"precision", info.precision}, {"gflop", info.gflop}, {"bytes", info.bytes},   {"runs", info.runs},
                 {"reads", info.reads},         {"why", info.why}};
    for (const StepChoice& choice : info.choices) step["choices"].push_back(choice_json(choice));
    if (profile.runs > 0) {
      step["ms"] = info.seconds * 1e3;
      step["peak_fraction"] = entry.peak_fraction;
      step["reason"] = entry.reason;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

Json profile_json(const LayerProfile& profile) {
  return {{"threads", profile.threads},
          {"runs", profile.runs},
          {"ms", profile.seconds * 1e3},
          {"peak",
           {{"fp32_gflops", rate(profile.peak.fp32_gflops)},
            {"bf16_gflops", rate(profile.peak.bf16_gflops)},
            {"int8_gops", rate(profile.peak.int8_gops)}}},
          {"bandwidth_gbps", profile.bandwidth_gbps},
          {"steps", steps_json(profile)}};
}

}  // namespace tessera
