// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/train/contrastive_trainer.hpp>

namespace alloy::detail {

/// report.html beside log.jsonl: its curves, all of the options, and, where there are samples to retrieve among, scores, similarities,
/// examples and how the modalities lie in the space.
/// @param valid  may be nullptr
void write_run_report(const std::filesystem::path& folder, const ContrastiveTrainerOptions& options, const JointEmbedding& model, Loader* valid, const CancelToken& cancel);

}  // namespace alloy::detail
