// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders.hpp>
#include <alloy/fusion.hpp>
#include <alloy/models.hpp>

#include <iostream>

int main() {
  // [fuse two modalities]
  using namespace alloy;
  FusionModel model(GatedFusion({.modalities = {"image", "sensors"}, .dim = 32}), {.outputs = 10});
  model->add("image", ConvImageEncoder({.channels = 1, .dim = 32}));
  model->add("sensors", FeatureEncoder({.in_dim = 6, .dim = 32}));

  Batch batch = {{"image", {.values = torch::rand({4, 1, 28, 28})}}, {"sensors", {.values = torch::rand({4, 6})}}};
  batch["sensors"].present = torch::tensor({true, true, true, false});  // the last sample has no sensors
  ModelOutput out = model->predict(batch);
  std::cout << out.logits.sizes() << " " << out.weights << "\n";  // [4, 10], and how much each modality counted
  // [fuse two modalities]

  const bool right = out.logits.sizes() == at::IntArrayRef({4, 10}) && out.weights[3][1].item<float>() == 0.f;
  try {
    model->predict({{"smell", {.values = torch::rand({4, 6})}}});
  } catch (const ConfigError& e) {  // thrown in the library, caught by its type here
    std::cout << e.what() << "\n";
    return right ? 0 : 1;
  }
  return 2;
}
