// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/registry.hpp>

namespace alloy {

Registry<Encoder>& encoder_registry() {
  static Registry<Encoder> registry("encoder");
  return registry;
}
Registry<InputFusion>& input_fusion_registry() {
  static Registry<InputFusion> registry("input fusion");
  return registry;
}
Registry<Fusion>& fusion_registry() {
  static Registry<Fusion> registry("fusion");
  return registry;
}
Registry<DecisionFusion>& decision_fusion_registry() {
  static Registry<DecisionFusion> registry("decision fusion");
  return registry;
}

}  // namespace alloy
