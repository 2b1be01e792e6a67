// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <alloy/alignment/sinkhorn.hpp>

#include <ATen/Functions.h>

namespace bench {

namespace {

Factory transport(alloy::SinkhornForm form, at::ScalarType type) {
  return [=](const Inputs& inputs) -> Work {
    const at::Tensor cost = (2 - 2 * inputs.at("x").to(at::kDouble).matmul(inputs.at("y").to(at::kDouble).t())).to(type);
    const alloy::SinkhornOptions options{.epsilon = inputs.at("epsilon").item<double>(),
                                         .form = form,
                                         .tolerance = 0,
                                         .max_iterations = inputs.at("iterations").to(at::kLong).item<int64_t>()};
    return {.call = [=]() -> Outputs {
      const at::Tensor plan = alloy::sinkhorn(cost, {}, options).plan;
      return {{"plan", plan}, {"rows", plan.sum(1)}, {"columns", plan.sum(0)}};
    }};
  };
}

[[maybe_unused]] const bool added = add("sinkhorn_plain", transport(alloy::SinkhornForm::plain, at::kFloat)) &&
                                    add("sinkhorn_log", transport(alloy::SinkhornForm::log_domain, at::kFloat)) &&
                                    add("sinkhorn_plain_fp64", transport(alloy::SinkhornForm::plain, at::kDouble)) &&
                                    add("sinkhorn_log_fp64", transport(alloy::SinkhornForm::log_domain, at::kDouble));

}  // namespace

}  // namespace bench
