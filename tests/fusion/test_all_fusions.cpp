// SPDX-License-Identifier: Apache-2.0
#include "support/fusion_properties.hpp"

#include <alloy/core.hpp>
#include <alloy/models.hpp>

using namespace alloy;

TEST_CASE("every registered fusion keeps the contract of presence", "[fusion]") {
  register_builtins();
  for (const std::string& name : fusion_registry().names()) {
    seed_everything(3);
    const Config options = parse_json(R"({"modalities": ["a", "b", "c"], "dim": 8, "input_dims": [6, 4, 8]})", "test");
    check_fusion_properties(name, fusion_registry().create(name, options));
  }
}

TEST_CASE("every registered fusion survives config and clone", "[fusion]") {
  register_builtins();
  for (const std::string& name : fusion_registry().names()) {
    INFO(name);
    seed_everything(4);
    const auto fusion = fusion_registry().create(name, parse_json(R"({"modalities": ["a", "b"], "dim": 8})", "test"));
    CHECK(fusion->record().type == name);
    const auto again = fusion_registry().create(name, fusion->record().options);
    CHECK(again->record().options == fusion->record().options);
    CHECK(again->named_parameters().keys() == fusion->named_parameters().keys());
    const auto features = random_features(*fusion, 3, 5);
    const auto copy = clone(fusion);
    CHECK_THAT(copy->forward(features).fused, SameBits(fusion->forward(features).fused));
    copy->parameters()[0].data().add_(1.0);
    CHECK_FALSE(at::equal(copy->parameters()[0], fusion->parameters()[0]));
  }
}

TEST_CASE("every registered fusion refuses bad options", "[fusion]") {
  register_builtins();
  for (const std::string& name : fusion_registry().names()) {
    INFO(name);
    for (const char* bad : {R"({"modalities": []})", R"({"modalities": ["a", "a"]})", R"({"modalities": ["a", ""]})", R"({"modalities": ["a.x", "b"]})",
                            R"({"modalities": ["a", "b"], "dim": 0})", R"({"modalities": ["a", "b"], "input_dims": [1]})", R"({"modalities": ["a", "b"], "dropout_rate": 1.0})"})
      CHECK_THROWS_AS(fusion_registry().create(name, parse_json(bad, "test")), ConfigError);
    CHECK_THROWS_WITH(fusion_registry().create(name, parse_json(R"({"dmi": 3})", "test"), "/fusion/options"), ContainsSubstring("/fusion/options/dmi: unknown option, known: modalities, dim"));
  }
  CHECK_THROWS_WITH(fusion_registry().create("gatd"), ContainsSubstring("unknown fusion 'gatd', known: attention, concat"));
}
