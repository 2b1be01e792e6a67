// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Centred kernel alignment (Kornblith et al. 2019): how alike two representations of the same samples are, whatever their widths,
/// rotations and scales.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <utility>

namespace alloy {

enum class CkaKernel {
  linear,
  rbf,  ///< exp(-|x - y|^2 / (2 sigma^2)), sigma a share of the median distance between samples
};
constexpr auto enum_names(CkaKernel) {
  return std::to_array<std::pair<CkaKernel, std::string_view>>({{CkaKernel::linear, "linear"}, {CkaKernel::rbf, "rbf"}});
}

enum class CkaEstimator {
  biased,    ///< 0..1; of unrelated representations it is far above 0 where widths are not far below N
  debiased,  ///< by the unbiased estimate of HSIC (Song et al. 2012, eq. 5): about 0 of unrelated ones, and may be below; N >= 4
};
constexpr auto enum_names(CkaEstimator) {
  return std::to_array<std::pair<CkaEstimator, std::string_view>>({{CkaEstimator::biased, "biased"}, {CkaEstimator::debiased, "debiased"}});
}

struct CkaOptions {
  CkaKernel kernel = CkaKernel::linear;
  CkaEstimator estimator = CkaEstimator::debiased;
  double rbf_share = 0.5;
  static void describe(auto& self, auto&& field) {
    field("kernel", self.kernel, "how samples of one representation are compared");
    field("estimator", self.estimator, "named, since figures of the two must not be compared");
    field("rbf_share", self.rbf_share, "sigma over the median distance (of at most 1024 samples at equal steps), > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// In double, without gradients; N^2 (D1 + D2) steps in tiles, O(N) memory beyond the inputs.
/// @param first, second  [N, D1] and [N, D2] floating, finite: row i of both is of one sample
/// @throws ShapeError; ConfigError; DataError for fewer than 2 (debiased: 4) samples, and for rows that are all alike
ALLOY_API double cka(const Tensor& first, const Tensor& second, const CkaOptions& options = {});

}  // namespace alloy
