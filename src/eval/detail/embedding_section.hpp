// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/eval/contrastive_report.hpp>

namespace alloy::detail {

/// Markup: principal components of the pooled embeddings, partners joined by lines, and the figures of their geometry.
/// Nothing where no modality has rows.
std::string embedding_section(const std::vector<ModalityEmbeddings>& embeddings);

}  // namespace alloy::detail
