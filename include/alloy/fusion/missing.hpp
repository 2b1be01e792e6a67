// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What stands in for an absent modality: a learned vector, or zeros.

#include <alloy/core/fusion.hpp>

namespace alloy {

enum class Missing {
  learned,  ///< a vector of its own a modality, trained with the rest
  zeros,    ///< no parameters; the model cannot tell an absent modality from one whose features are all zero
};
constexpr auto enum_names(Missing) {
  return std::to_array<std::pair<Missing, std::string_view>>({{Missing::learned, "learned"}, {Missing::zeros, "zeros"}});
}

struct MissingVectorsOptions {
  std::vector<int64_t> dims = {};
  Missing missing = Missing::learned;
  static void describe(auto& self, auto&& field) {
    field("dims", self.dims, "width of each modality, > 0");
    field("missing", self.missing, "what stands in for an absent modality");
  }
};

class ALLOY_API MissingVectorsImpl final : public torch::nn::Module {
 public:
  using Options = MissingVectorsOptions;
  static constexpr auto kName = "missing_vectors";
  explicit MissingVectorsImpl(MissingVectorsOptions options);
  /// @return [B, D_m] a modality, absent rows filled in
  std::vector<Tensor> forward(const PooledInputs& inputs);
  const MissingVectorsOptions& options() const { return options_; }

 private:
  MissingVectorsOptions options_;
  std::vector<Tensor> vectors_;
};
using MissingVectors = Holder<MissingVectorsImpl>;

}  // namespace alloy
