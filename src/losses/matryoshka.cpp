// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/matryoshka.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

namespace alloy {

Tensor matryoshka(const Tensor& a, const Tensor& b, const std::vector<int64_t>& widths, const PairLoss& loss, const std::vector<double>& weights) {
  detail::check_features("matryoshka", a, b);
  check<ConfigError>(!widths.empty() && (weights.empty() || weights.size() == widths.size()), "[matryoshka] expected widths, and a weight for each or none, got {} and {}",
                     {widths.size(), weights.size()});
  Tensor sum;
  double total = 0;
  for (size_t k = 0; k < widths.size(); ++k) {
    check<ConfigError>(widths[k] >= 1 && widths[k] <= a.size(1), "[matryoshka] expected widths in 1..{}, got {}", {a.size(1), widths[k]});
    const double weight = weights.empty() ? 1.0 : weights[k];
    check<ConfigError>(weight > 0, "[matryoshka] expected weights > 0, got {}", {weight});
    const auto cut = [&](const Tensor& x) {
      const Tensor part = x.narrow(1, 0, widths[k]);
      return part / part.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
    };
    const Tensor term = weight * loss(cut(a), cut(b));
    sum = sum.defined() ? sum + term : term;
    total += weight;
  }
  return sum / total;
}

}  // namespace alloy
