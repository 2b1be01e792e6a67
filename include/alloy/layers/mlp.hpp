// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Two linear maps with a GELU between them.

#include <alloy/layers/linear.hpp>

namespace alloy {

struct MlpOptions {
  int64_t in_dim = 0;
  int64_t hidden_dim = 0;
  int64_t out_dim = 0;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("in_dim", self.in_dim, "width of the input, > 0");
    field("hidden_dim", self.hidden_dim, "width between the maps; 0 = in_dim");
    field("out_dim", self.out_dim, "width of the output; 0 = in_dim");
    field("dropout_rate", self.dropout_rate, "0..1, after the activation");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API MlpImpl final : public torch::nn::Module {
 public:
  using Options = MlpOptions;
  static constexpr auto kName = "mlp";
  explicit MlpImpl(MlpOptions options);
  /// [..., in_dim] to [..., out_dim]
  Tensor forward(const Tensor& x);
  const MlpOptions& options() const { return options_; }

 private:
  MlpOptions options_;
  Linear up_, down_;
};
using Mlp = Holder<MlpImpl>;

/// @throws ConfigError unless 0 <= rate < 1
ALLOY_API void check_dropout_rate(std::string_view where, double rate);

}  // namespace alloy
