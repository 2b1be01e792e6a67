// SPDX-License-Identifier: Apache-2.0
#pragma once

/// y = x W^T + b. Every linear map of alloy is this one, so that faster inference and adapters have one place to live.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct LinearOptions {
  int64_t in_dim = 0;
  int64_t out_dim = 0;
  bool bias = true;
  static void describe(auto& self, auto&& field) {
    field("in_dim", self.in_dim, "width of the input, > 0");
    field("out_dim", self.out_dim, "width of the output, > 0");
    field("bias", self.bias, "adds a learned vector");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API LinearImpl final : public torch::nn::Module {
 public:
  using Options = LinearOptions;
  static constexpr auto kName = "linear";
  /// Weights start uniform in +-1/sqrt(in_dim), as those of `torch.nn.Linear`.
  explicit LinearImpl(LinearOptions options);
  /// @param x  [..., in_dim]
  /// @return [..., out_dim]
  /// @throws ShapeError for another width
  Tensor forward(const Tensor& x);
  const LinearOptions& options() const { return options_; }

  Tensor weight;  ///< [out_dim, in_dim]
  Tensor bias;    ///< [out_dim], undefined without bias

 private:
  LinearOptions options_;
};
using Linear = Holder<LinearImpl>;

}  // namespace alloy
