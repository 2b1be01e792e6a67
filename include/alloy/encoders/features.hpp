// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Features that are there already, from any model: passed on, or mapped to another width.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/pooling.hpp>

namespace alloy {

struct FeatureEncoderOptions {
  int64_t in_dim = 0;
  int64_t dim = 0;
  static void describe(auto& self, auto&& field) {
    field("in_dim", self.in_dim, "width of the features, > 0");
    field("dim", self.dim, "width of the output; 0 = in_dim, passed on unchanged");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API FeatureEncoderImpl final : public Encoder {
 public:
  using Options = FeatureEncoderOptions;
  static constexpr auto kName = "features";
  explicit FeatureEncoderImpl(FeatureEncoderOptions options);
  /// @param input  values [B, in_dim], or [B, T, in_dim] with mask
  /// @return pooled [B, dim] (masked mean of tokens), tokens [B, T, dim] (T = 1 for [B, in_dim])
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim > 0 ? options_.dim : options_.in_dim; }
  int64_t token_dim() const override { return dim(); }
  const FeatureEncoderOptions& options() const { return options_; }

 private:
  FeatureEncoderOptions options_;
  Linear map_{nullptr};
};
using FeatureEncoder = Holder<FeatureEncoderImpl>;

}  // namespace alloy
