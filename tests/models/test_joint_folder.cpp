// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

FeatureEncoder tower() { return FeatureEncoder({.in_dim = 6, .dim = 10}); }

}  // namespace

TEST_CASE("a joint embedding comes back from its folder, views and scale too", "[models]") {
  seed_everything(1);
  const TempDir dir;
  JointEmbedding joint({.dim = 4, .loss = {.weights = {{.first = "a", .second = "a2", .weight = 0.5}}}});
  joint->add("a", tower());
  joint->add("b", tower());
  joint->add_view("a2", "a");
  {
    const torch::NoGradGuard no_grad;
    joint->objective()->parameters()[0].fill_(1.5);
  }
  save_model(dir / "m", SavedJoint{.model = joint, .modalities = {{"a", "features", Config::object()}}});
  CHECK(model_type_of(dir / "m") == "alloy_joint");
  SavedJoint loaded = load_joint_model(dir / "m");
  CHECK(loaded.model->modalities() == std::vector<std::string>{"a", "b", "a2"});
  CHECK(loaded.model->view_of("a2") == "a");
  CHECK(loaded.modalities.size() == 1);
  CHECK(loaded.model->objective()->scale("a", "b")->forward().item<double>() == Approx(std::exp(1.5)));
  const ModalityInput input{.values = torch::randn({3, 6})};
  CHECK_THAT(loaded.model->embed("a2", input), SameBits(joint->embed("a", input)));
  CHECK_THROWS_WITH(load_model(dir / "m"), ContainsSubstring("expected 'alloy_fusion', got 'alloy_joint'"));
  CHECK_THROWS_WITH(joint->add_view("c", "nobody"), ContainsSubstring("after it"));
  JointEmbedding other({.dim = 4});
  other->add("a", tower());
  CHECK_THROWS_WITH(other->add_view("c", "nobody"), ContainsSubstring("view of one of a, got 'nobody'"));
}

TEST_CASE("dual encoder", "[models]") {
  seed_everything(1);
  const bool siglip = GENERATE(false, true);
  DualEncoder dual({.dim = 4, .siglip = siglip}, tower(), tower());
  const ModalityInput images{.values = torch::randn({3, 6})}, texts{.values = torch::randn({5, 6})};
  CHECK(dual.logit_scale() == Approx(siglip ? 10.0 : 1 / 0.07));
  const Tensor expected = dual.encode_image(images).mm(dual.encode_text(texts).t()) * dual.logit_scale() - (siglip ? 10.0 : 0.0);
  CHECK_THAT(dual.logits(images, texts), AllClose(expected, 1e-4));
  CHECK(dual.joint()->modalities() == std::vector<std::string>{"image", "text"});
}
