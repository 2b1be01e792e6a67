// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/data/catalogue_tag.hpp>

#include <cmath>
#include <map>
#include <set>

using namespace alloy;

TEST_CASE("shorten_tag", "[data]") {
  CHECK(shorten_tag("sweater", TagForm::whole) == "sweater");
  CHECK(shorten_tag("sweater", TagForm::cut_end) == "sweat");
  CHECK(shorten_tag("sweater", TagForm::drop_vowels) == "swtr");
  CHECK(shorten_tag("sweater", TagForm::cut_start) == "eater");
  CHECK(shorten_tag("sweater", TagForm::cut_middle) == "sweer");
  CHECK(shorten_tag("sweater", TagForm::cut_both) == "weate");
  CHECK(shorten_tag("sweater", TagForm::empty).empty());
  CHECK(shorten_tag("ankle boot", TagForm::drop_vowels) == "ankl bt");
  CHECK(shorten_tag("bag", TagForm::cut_middle) == "bg");
  for (const TagForm form : {TagForm::cut_end, TagForm::drop_vowels, TagForm::cut_both, TagForm::cut_start, TagForm::cut_middle}) {
    CHECK(shorten_tag("a", form) == "a");
    CHECK(shorten_tag("", form).empty());
  }
}

TEST_CASE("typed names tell classes apart", "[data]") {
  std::set<std::string_view> all;
  for (int64_t label = 0; label < kCatalogueClasses; ++label) {
    const auto names = catalogue_typed_names(label);
    CHECK(names[0] == catalogue_class_names()[static_cast<size_t>(label)]);
    all.insert(names.begin(), names.end());
  }
  CHECK(all.size() == 30);
  CHECK_THROWS_AS(catalogue_typed_names(10), DataError);
  CHECK_THROWS_AS(catalogue_typed_names(-1), DataError);
}

TEST_CASE("tags are spoilt at the rates asked for", "[data]") {
  const TagNoise noise{.typing_error_percent = 20, .shorten_percent = 30, .empty_percent = 10};
  constexpr int kCount = 20000;
  Random random(1);
  std::map<TagForm, double> forms;
  std::map<std::string, double> names;
  double intact = 0, expected = 0;
  for (int i = 0; i < kCount; ++i) {
    const Tag tag = type_tag(2, kTestForms, noise, random);
    forms[tag.form] += 1.0 / kCount;
    names[tag.name] += 1.0 / kCount;
    if (tag.form == TagForm::empty) CHECK(tag.text.empty());
    if (tag.form != TagForm::whole) continue;
    intact += tag.text == tag.name ? 1 : 0;
    expected += std::pow(0.8, tag.name.size());  // each character is typed right on its own
  }
  CHECK(forms.size() == 4);
  CHECK_THAT(forms[TagForm::empty], WithinAbs(0.10, 0.01));
  CHECK_THAT(forms[TagForm::cut_start], WithinAbs(0.15, 0.01));
  CHECK_THAT(forms[TagForm::cut_middle], WithinAbs(0.15, 0.01));
  CHECK(names.size() == 3);
  for (const auto& [name, share] : names) CHECK_THAT(share, WithinAbs(1.0 / 3, 0.015));
  CHECK_THAT(intact / expected, WithinAbs(1.0, 0.08));
}

TEST_CASE("no form is in two splits", "[data]") {
  std::vector<TagForm> all(kTrainForms.begin(), kTrainForms.end());
  all.insert(all.end(), kValidForms.begin(), kValidForms.end());
  all.insert(all.end(), kTestForms.begin(), kTestForms.end());
  CHECK(std::set(all.begin(), all.end()).size() == all.size());
  CHECK_THROWS_AS((TagNoise{.typing_error_percent = 101}).validate(), ConfigError);
  CHECK_THROWS_WITH((TagNoise{.shorten_percent = 60, .empty_percent = 50}).validate(), ContainsSubstring("got 60 and 50"));
  Random random(0);
  CHECK_THROWS_AS(type_tag(0, {}, {}, random), ConfigError);
}
