// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/ctc_loss.hpp>

#include <ATen/Functions.h>

namespace alloy {

Tensor ctc_loss(const Tensor& log_probs, const Tensor& lengths, const std::vector<std::vector<int64_t>>& targets, int64_t blank) {
  check_shape(log_probs, {-1, -1, -1}, "ctc_loss", "log_probs");
  check_floating(log_probs, "ctc_loss", "log_probs");
  const int64_t batch = log_probs.size(0), frames = log_probs.size(1), tokens = log_probs.size(2);
  check<ShapeError>(batch > 0 && batch == std::ssize(targets),
                    "[ctc_loss] expected a target for each sample, at least one, got {} targets for log_probs {}", {std::ssize(targets), log_probs});
  check<ConfigError>(blank >= 0 && blank < tokens, "[ctc_loss] expected blank in 0..{}, got {}", {tokens - 1, blank});
  if (lengths.defined()) {
    check_shape(lengths, {batch}, "ctc_loss", "lengths");
    check<ShapeError>(lengths.scalar_type() == at::kLong && lengths.is_cpu(), "[ctc_loss] expected lengths int64 on the CPU, got {}", {lengths});
  }
  const Tensor all = lengths.defined() ? lengths.contiguous() : at::full({batch}, frames, at::kLong);
  std::vector<int64_t> flat, counts;
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<int64_t>& target = targets[static_cast<size_t>(b)];
    const int64_t length = all.const_data_ptr<int64_t>()[b];
    check<ShapeError>(length >= 1 && length <= frames, "[ctc_loss] expected lengths in 1..{}, got {} for sample {}", {frames, length, b});
    int64_t needed = std::ssize(target);
    for (size_t i = 0; i < target.size(); ++i) {
      check<DataError>(target[i] >= 0 && target[i] < tokens && target[i] != blank,
                       "[ctc_loss] expected tokens in 0..{} without the blank {}, got {} at place {} of sample {}",
                       {tokens - 1, blank, target[i], i, b});
      if (i > 0 && target[i] == target[i - 1]) ++needed;
    }
    check<DataError>(needed <= length, "[ctc_loss] expected at least {} frames for the {} tokens of sample {}, got {}",
                     {needed, target.size(), b, length});
    flat.insert(flat.end(), target.begin(), target.end());
    counts.push_back(std::ssize(target));
  }
  const Tensor target_lengths = at::tensor(counts, at::kLong);
  const Tensor losses = at::ctc_loss(log_probs.transpose(0, 1), at::tensor(flat, at::kLong).to(log_probs.device()), all, target_lengths, blank,
                                     /*reduction=*/0);  // [B]
  return (losses / target_lengths.clamp_min(1).to(losses.options())).mean();
}

}  // namespace alloy
