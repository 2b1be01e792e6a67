// SPDX-License-Identifier: Apache-2.0
#include <alloy/fusion.hpp>

#include <alloy/core/registry.hpp>

namespace alloy {

void register_fusion() {
  input_fusion_registry().add<InputConcatImpl>();
  fusion_registry().add<AttentionFusionImpl>();
  fusion_registry().add<ConcatFusionImpl>();
  fusion_registry().add<CrossAttentionFusionImpl>();
  fusion_registry().add<EarlyTransformerImpl>();
  fusion_registry().add<GatedFusionImpl>();
  fusion_registry().add<LowRankFusionImpl>();
  fusion_registry().add<SumFusionImpl>();
  fusion_registry().add<TensorFusionImpl>();
  decision_fusion_registry().add<LateFusionImpl>();
}

}  // namespace alloy
