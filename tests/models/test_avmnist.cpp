// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

TEST_CASE("the late concatenation model of AV-MNIST has 260,922 parameters", "[models]") {
  FusionModel model(ConcatFusion({.modalities = {"image", "audio"}, .dim = 100, .input_dims = {48, 192}, .missing = Missing::zeros}), {.outputs = 10});
  model->add("image", LeNetEncoder({.channels = 1, .base = 6, .extra = 3}));
  model->add("audio", LeNetEncoder({.channels = 1, .base = 6, .extra = 5}));
  CHECK(model->num_parameters() == 260922);
  const ModelOutput out = model->forward({{"image", {.values = torch::zeros({3, 1, 28, 28})}}, {"audio", {.values = torch::zeros({3, 1, 112, 112})}}});
  CHECK(out.logits.sizes() == at::IntArrayRef({3, 10}));
}
