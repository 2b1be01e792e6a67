// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emoji/run.hpp"

namespace alloy::tool::emoji {

/// report.html of the first seed's model: figures, the best and the worst queries as pictures, similarities, how the modalities lie.
void write_demo_report(const std::filesystem::path& file, const DemoOptions& options, const DemoResult& result, const SavedJoint& model);

}  // namespace alloy::tool::emoji
