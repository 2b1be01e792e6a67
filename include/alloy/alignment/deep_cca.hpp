// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Deep canonical correlation analysis (Andrew et al. 2013): two networks whose outputs correlate as much as they can, found by
/// gradients of the sum of canonical correlations, then linear CCA of the outputs.
///
///     DeepCca model({.first_dim = 40, .second_dim = 60, .hidden_dim = 64, .dim = 8});
///     torch::optim::Adam optimizer(model->parameters(), 1e-3);
///     for (int step = 0; step < 200; ++step) {
///       optimizer.zero_grad();
///       model->forward(first, second).backward();     // whole set, or batches of several times dim
///       optimizer.step();
///     }
///     model->fit_linear(first, second);
///     Tensor a = model->project_first(new_rows);      // [N, dim], beside project_second

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/layers/mlp.hpp>

namespace alloy {

struct DeepCcaLossOptions {
  int64_t components = 0;
  double ridge = 1e-4;
  static void describe(auto& self, auto&& field) {
    field("components", self.components, "canonical correlations that are summed, from the largest on; 0 = all");
    field("ridge", self.ridge, "added to both covariances, in the square of the outputs' unit, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Minus the sum of the canonical correlations of two batches, -min(D1, D2) .. 0 (Andrew et al. 2013, eqs. 10 to 13, which are the
/// gradient here). Where the last correlation that counts equals the next one, any of their gradients is given. Computed in double.
/// @param first, second  [N, D1] and [N, D2] floating, finite, N >= 2; with N <= D1 + D2 the loss is near its least whatever they hold
/// @return scalar of the first's dtype
/// @throws ShapeError; DataError naming a row that is not finite; ConfigError for more components than min(D1, D2)
ALLOY_API Tensor deep_cca_loss(const Tensor& first, const Tensor& second, const DeepCcaLossOptions& options = {});

struct DeepCcaOptions {
  int64_t first_dim = 0;
  int64_t second_dim = 0;
  int64_t hidden_dim = 64;
  int64_t dim = 8;
  DeepCcaLossOptions loss = {};
  static void describe(auto& self, auto&& field) {
    field("first_dim", self.first_dim, "width of the first side's rows, > 0");
    field("second_dim", self.second_dim, "width of the second side's rows, > 0");
    field("hidden_dim", self.hidden_dim, "width inside both networks, > 0");
    field("dim", self.dim, "width of the shared space, > 0");
    field("loss", self.loss, "what training minimises");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Owns both networks (one hidden layer each) and, as buffers that are saved with them, the last linear maps.
class ALLOY_API DeepCcaImpl final : public torch::nn::Module {
 public:
  using Options = DeepCcaOptions;
  static constexpr auto kName = "deep_cca";
  explicit DeepCcaImpl(DeepCcaOptions options);
  /// The loss of a batch of pairs. @param first, second  [N, first_dim], [N, second_dim] @throws as deep_cca_loss
  Tensor forward(const Tensor& first, const Tensor& second);
  /// Linear CCA of the networks' outputs, after training. @return its canonical correlations [dim] double @throws as cca
  Tensor fit_linear(const Tensor& first, const Tensor& second);
  /// [N, first_dim] to [N, dim] in the shared space, components by falling correlation; before fit_linear the networks' outputs.
  Tensor project_first(const Tensor& rows);
  Tensor project_second(const Tensor& rows);
  const DeepCcaOptions& options() const { return options_; }

 private:
  Tensor project(Mlp& network, const Tensor& rows, const Tensor& mean, const Tensor& weights);
  DeepCcaOptions options_;
  Mlp first_, second_;
  Tensor first_mean_, second_mean_, first_weights_, second_weights_;  // [dim] and [dim, dim]
};
using DeepCca = Holder<DeepCcaImpl>;

}  // namespace alloy
