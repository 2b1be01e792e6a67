// SPDX-License-Identifier: Apache-2.0
#include "support/fusion_properties.hpp"

#include "mean_fusion.hpp"
#include "pulse_encoder.hpp"

#include <alloy/encoders.hpp>
#include <alloy/models.hpp>

using namespace alloy;

namespace {

void register_all() {
  static const bool once = [] {
    register_builtins();
    encoder_registry().add<PulseEncoderImpl>();
    fusion_registry().add<MeanFusionImpl>();
    return true;
  }();
  (void)once;
}

}  // namespace

TEST_CASE("an encoder and a fusion of a user's own stand among the built-in ones", "[extension]") {
  register_all();
  CHECK(encoder_registry().create("pulse", parse_json(R"({"channels": 3, "dim": 8})", "test"))->dim() == 8);
  CHECK(fusion_registry().contains("mean"));
  CHECK_THROWS_AS(encoder_registry().add<PulseEncoderImpl>(), ConfigError);
  CHECK_THROWS_WITH(encoder_registry().create("pulse", parse_json(R"({"dmi": 8})", "test")), ContainsSubstring("known: channels, dim"));
  CHECK_THROWS_WITH(fusion_registry().create("maen"), ContainsSubstring("mean") && ContainsSubstring("gated"));
}

TEST_CASE("a model of a user's own parts", "[extension]") {
  FusionModel model(MeanFusion({.modalities = {"pulse", "table"}, .dim = 8}), {.outputs = 3});
  model->add("pulse", PulseEncoder({.channels = 2, .dim = 8}));
  model->add("table", FeatureEncoder({.in_dim = 5, .dim = 8}));
  Batch batch = {{"pulse", {.values = torch::randn({2, 30, 2})}}, {"table", {.values = torch::randn({2, 5})}}};
  batch["pulse"].present = torch::tensor({true, false});
  batch["pulse"].values[1] = std::numeric_limits<float>::quiet_NaN();

  SECTION("takes a missing modality") {
    const ModelOutput out = model->predict(batch);
    CHECK(out.logits.sizes() == at::IntArrayRef({2, 3}));
    CHECK_THAT(out.weights, AllClose(torch::tensor({{0.5f, 0.5f}, {0.f, 1.f}})));
  }
  SECTION("trains") {
    model->forward(batch).logits.square().sum().backward();
    for (const auto& p : model->named_parameters()) {
      INFO(p.key());
      CHECK(p.value().grad().isfinite().all().item<bool>());
      CHECK(p.value().grad().abs().max().item<float>() > 0.f);
    }
  }
  SECTION("is copied with its weights") {
    CHECK_THAT(clone(model)->predict(batch).logits, SameBits(model->predict(batch).logits));
  }
  SECTION("names the encoder that a wrong input breaks, and nests the cause") {
    batch["pulse"].values = torch::randn({2, 30, 7});
    try {
      model->predict(batch);
      FAIL("expected an error");
    } catch (const Error& e) {
      CHECK_THAT(full_message(e), ContainsSubstring("pulse") && ContainsSubstring("PulseEncoder") && ContainsSubstring("30, 7]"));
    }
  }
}

TEST_CASE("the fusion has the properties of every fusion", "[extension]") {
  check_fusion_properties("mean", MeanFusion({.modalities = {"a", "b", "c"}, .dim = 4}));
}
