// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <alloy/alignment/ctc_align.hpp>

#include <ATen/Functions.h>

namespace bench {

namespace {

Work ctc_align(const Inputs& inputs) {
  const at::Tensor log_probs = inputs.at("log_probs"), given = inputs.at("targets").contiguous();
  const std::vector<int64_t> targets(given.const_data_ptr<int64_t>(), given.const_data_ptr<int64_t>() + given.numel());
  return {.call = [=]() -> Outputs {
    const alloy::CtcAlignment alignment = alloy::ctc_forced_align(log_probs, targets);
    at::Tensor starts = at::empty({static_cast<int64_t>(alignment.spans.size())}, at::kDouble);
    for (size_t i = 0; i < alignment.spans.size(); ++i) starts.mutable_data_ptr<double>()[i] = static_cast<double>(alignment.spans[i].start);
    return {{"starts", starts}};
  }};
}

[[maybe_unused]] const bool added = add("ctc_align", ctc_align);

}  // namespace

}  // namespace bench
