// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Training on a random share of the patches (Li et al. 2023, "Scaling Language-Image Pre-training via Masking"): half of them
/// cost half the time and memory, and batches can be twice as large. Evaluation sees all of them.

#include <alloy/core/holder.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

struct PatchDropoutOptions {
  double rate = 0.0;
  int64_t prefix = 0;
  static void describe(auto& self, auto&& field) {
    field("rate", self.rate, "0..1, share of the tokens that training leaves out");
    field("prefix", self.prefix, "tokens at the start that always stay, such as a class token, >= 0");
  }
  ALLOY_API void validate() const;
};

struct KeptPatches {
  Tensor tokens;  ///< [B, K, D], in the order they had
  Tensor mask;    ///< [B, K]; undefined if none was given
};

/// Leaves out tokens of each sample for itself, drawn from LibTorch's generator of the CPU as dropout is: the gradient cache and
/// a training that is taken up draw the same. Goes behind the addition of positions; has no weights.
class ALLOY_API PatchDropoutImpl final : public torch::nn::Module {
 public:
  using Options = PatchDropoutOptions;
  static constexpr auto kName = "patch_dropout";
  explicit PatchDropoutImpl(PatchDropoutOptions options) : options_(options), rate_(options.rate) {}
  /// In training, of n real tokens behind the prefix round(n (1 - rate)) stay, at least one; else all, the very same tensors.
  /// @param tokens  [B, T, D] @param mask  [B, T] bool, true = real token; undefined = all
  KeptPatches forward(const Tensor& tokens, const Tensor& mask = {});
  /// Takes this rate, 0..1, instead of that of the options; negative = that of the options. @throws ConfigError
  void force(double rate);
  double rate() const { return rate_; }
  const PatchDropoutOptions& options() const { return options_; }

 private:
  PatchDropoutOptions options_;
  double rate_;
};
using PatchDropout = Holder<PatchDropoutImpl>;

/// Forces the rate (see PatchDropoutImpl::force) of every patch dropout in a module. @return how many there are
ALLOY_API int64_t force_patch_dropout(torch::nn::Module& module, double rate);

}  // namespace alloy
