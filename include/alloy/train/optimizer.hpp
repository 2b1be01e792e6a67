// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Optimisers whose whole state can be saved and given back, bit by bit.

#include <alloy/core/options.hpp>
#include <alloy/io/safetensors.hpp>
#include <torch/nn/module.h>

namespace alloy {

enum class OptimizerKind {
  adamw,         ///< Loshchilov & Hutter 2019
  stable_adamw,  ///< AdamW with update clipping (Wortsman et al. 2023, "Stable and low-precision training", alg. 2): a batch that is off moves the weights less
  sgd,           ///< with momentum
};
constexpr auto enum_names(OptimizerKind) {
  return std::to_array<std::pair<OptimizerKind, std::string_view>>(
      {{OptimizerKind::adamw, "adamw"}, {OptimizerKind::stable_adamw, "stable_adamw"}, {OptimizerKind::sgd, "sgd"}});
}

/// Parameters whose names begin with `prefix` are treated apart, such as those of a tower that was trained before.
struct ParameterGroupOptions {
  std::string prefix = {};
  double learning_rate_factor = 1.0;
  double weight_decay = -1.0;
  static void describe(auto& self, auto&& field) {
    field("prefix", self.prefix, "how the names begin, such as `encoder_image.`; the first group that fits counts");
    field("learning_rate_factor", self.learning_rate_factor, "times the learning rate, >= 0");
    field("weight_decay", self.weight_decay, ">= 0, or -1 = as all others");
  }
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adamw;
  double weight_decay = 0.2;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-6;
  double momentum = 0.9;
  std::vector<ParameterGroupOptions> groups = {};
  static void describe(auto& self, auto&& field) {
    field("kind", self.kind, "the rule");
    field("weight_decay", self.weight_decay, ">= 0, decoupled, on matrices only: not on biases, norms, scales; of sgd, added to the gradient");
    field("beta1", self.beta1, "0..1, memory of the gradient's mean (adamw, stable_adamw)");
    field("beta2", self.beta2, "0..1, memory of its square (adamw, stable_adamw)");
    field("eps", self.eps, "added to the root of the square, > 0 (adamw, stable_adamw)");
    field("momentum", self.momentum, "0..1 (sgd)");
    field("groups", self.groups, "parameters that are treated apart");
  }
  ALLOY_API void validate() const;
};

/// Shares the parameters with the module; one thread. Parameters that need no gradient when it is made are left out.
class ALLOY_API Optimizer {
 public:
  /// @throws ConfigError if there is nothing to train, or a group fits no parameter
  Optimizer(const torch::nn::Module& module, OptimizerOptions options);

  void zero_grad();
  /// Root of the sum of all squared gradients; infinite or NaN if any is.
  double gradient_norm() const;
  /// Multiplies all gradients.
  void scale_gradients(double factor);
  /// Whether all that `step` reads beside the gradients is finite.
  bool state_is_finite() const;
  /// One update of all parameters that have a gradient.
  void step(double learning_rate);

  /// Copies of nothing: the moments themselves, by the names of the parameters.
  NamedTensors state() const;
  /// @throws DataError listing what is missing, is too much or has another shape; nothing is changed then
  void load_state(const NamedTensors& state, std::string_view where);
  const OptimizerOptions& options() const { return options_; }

 private:
  struct Slot {
    std::string name;
    Tensor parameter, first, second, steps;  // moments and number of updates; second is undefined for sgd
    double factor = 1.0, decay = 0.0;
  };
  void step_adamw(double learning_rate);
  void step_stable(Slot& slot, double learning_rate);
  void step_sgd(Slot& slot, double learning_rate);
  OptimizerOptions options_;
  std::vector<Slot> slots_;
};

}  // namespace alloy
