// SPDX-License-Identifier: Apache-2.0
/// Against onnxruntime and scipy; tests/fixtures/make_space.py wrote what they gave.
#include "support/catch.hpp"

#include <alloy/alignment/assign.hpp>
#include <alloy/alignment/nms.hpp>
#include <alloy/alignment/roi.hpp>
#include <alloy/io/safetensors.hpp>

#include <map>

using namespace alloy;

namespace {

std::map<std::string, Tensor> load(const std::string& name) {
  std::map<std::string, Tensor> out;
  for (auto& [key, tensor] : load_safetensors(fixture("space/" + name + ".safetensors"), {.non_finite = NonFinite::allow})) out.emplace(key, tensor);
  return out;
}

}  // namespace

TEST_CASE("regions as onnxruntime's RoiAlign and MaxRoiPool", "[alignment]") {
  const auto f = load("regions");
  for (const auto& [origin, name] : enum_names(RoiOrigin{}))
    for (const int64_t ratio : {0, 2}) {
      INFO(name << ", sampling ratio " << ratio);
      const Tensor out = roi_align(f.at("features"), f.at("boxes"), f.at("images"),
                                   {.height = 3, .width = 4, .spatial_scale = 0.25, .sampling_ratio = ratio, .origin = origin});
      CHECK_THAT(out, AllClose(f.at("align_" + std::string(name) + "_" + std::to_string(ratio)), 2e-6));
    }
  CHECK_THAT(roi_pool(f.at("features"), f.at("pool_boxes"), f.at("images"), {.height = 3, .width = 4, .spatial_scale = 0.25}),
             AllClose(f.at("pool"), 1e-6));
}

TEST_CASE("suppression as onnxruntime's NonMaxSuppression", "[alignment]") {
  const auto f = load("suppression");
  const Tensor& boxes = f.at("boxes");
  const int64_t count = boxes.size(0);
  for (const int threshold : {2, 5, 8}) {
    for (int64_t c = 0; c < 3; ++c) {
      const Tensor& wanted = f.at("kept_" + std::to_string(threshold) + "_" + std::to_string(c));
      CHECK_THAT(nms(boxes, f.at("scores")[c], threshold / 10.0), SameBits(wanted));
    }
    // all classes at once: each keeps what it keeps alone
    const Tensor kept = batched_nms(boxes.repeat({3, 1}), f.at("scores").flatten(), torch::arange(3).repeat_interleave(count), threshold / 10.0);
    for (int64_t c = 0; c < 3; ++c)
      CHECK_THAT(kept.masked_select(kept.floor_divide(count).eq(c)) - c * count,
                 SameBits(f.at("kept_" + std::to_string(threshold) + "_" + std::to_string(c))));
  }
}

TEST_CASE("assignments as scipy's linear_sum_assignment", "[alignment]") {
  const auto f = load("assignments");
  for (const std::string name : {"square", "wide", "tall", "ties"})
    for (const auto goal : {AssignGoal::least_cost, AssignGoal::greatest_score}) {
      const std::string prefix = name + (goal == AssignGoal::least_cost ? "_least" : "_greatest");
      INFO(prefix);
      const Assignment found = assign(f.at(prefix + "_costs"), goal);
      CHECK_THAT(found.total, WithinAbs(f.at(prefix + "_total").item<double>(), 1e-9));
      CHECK_THAT(found.rows, SameBits(std::get<0>(found.rows.sort())));
      if (name == "ties") continue;  // several are best
      CHECK_THAT(found.rows, SameBits(f.at(prefix + "_rows")));
      CHECK_THAT(found.columns, SameBits(f.at(prefix + "_columns")));
    }
}
