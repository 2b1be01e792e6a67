// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/catalogue_tag.hpp>

#include <alloy/preprocess/text_noise.hpp>

namespace alloy {

namespace {

using Names = std::array<std::string_view, 3>;
constexpr std::array<Names, kCatalogueClasses> kTyped = {{{"t-shirt", "tee", "jersey"},
                                                          {"trouser", "pants", "slacks"},
                                                          {"pullover", "sweater", "jumper"},
                                                          {"dress", "gown", "frock"},
                                                          {"coat", "overcoat", "parka"},
                                                          {"sandal", "flip-flop", "slipper"},
                                                          {"shirt", "blouse", "button-down"},
                                                          {"sneaker", "trainer", "running shoe"},
                                                          {"bag", "handbag", "tote"},
                                                          {"ankle boot", "bootie", "chelsea boot"}}};

constexpr auto kSpoken = [] {
  std::array<std::string_view, kCatalogueClasses> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kTyped[i][0];
  return names;
}();

}  // namespace

std::span<const std::string_view, kCatalogueClasses> catalogue_class_names() { return kSpoken; }

std::span<const std::string_view, 3> catalogue_typed_names(int64_t label) {
  check<DataError>(label >= 0 && label < kCatalogueClasses, "[catalogue_typed_names] expected a label in 0..9, got {}", {label});
  return kTyped[static_cast<size_t>(label)];
}

std::string shorten_tag(std::string_view name, TagForm form) {
  const size_t kept = (3 * name.size() + 4) / 5;  // three fifths, rounded up
  switch (form) {
    case TagForm::whole: return std::string(name);
    case TagForm::cut_end: return std::string(name.substr(0, kept));
    case TagForm::cut_both: return std::string(name.substr((name.size() - kept) / 2, kept));
    case TagForm::cut_start: return std::string(name.substr(name.size() - kept));
    case TagForm::cut_middle: return std::string(name.substr(0, kept - kept / 2)) + std::string(name.substr(name.size() - kept / 2));
    case TagForm::drop_vowels: {
      std::string out;
      for (size_t i = 0; i < name.size(); ++i)
        if (i == 0 || std::string_view("aeiou").find(name[i]) == std::string_view::npos) out += name[i];
      return out;
    }
    case TagForm::empty: break;
  }
  return {};
}

void TagNoise::validate() const {
  for (const auto& [name, value] : {std::pair<std::string_view, double>{"typing_error_percent", typing_error_percent}, {"shorten_percent", shorten_percent}, {"empty_percent", empty_percent}})
    check<ConfigError>(value >= 0 && value <= 100, "[Catalogue] expected {} in 0..100, got {}", {name, value});
  check<ConfigError>(shorten_percent + empty_percent <= 100, "[Catalogue] expected shorten_percent and empty_percent to be at most 100 together, got {} and {}", {shorten_percent, empty_percent});
}

Tag type_tag(int64_t label, std::span<const TagForm> forms, const TagNoise& noise, Random& random) {
  noise.validate();
  check<ConfigError>(!forms.empty(), "[type_tag] expected at least one form, got none");
  const auto any_of = [&](const auto& list) { return list[static_cast<size_t>(random.below(std::ssize(list)))]; };
  Tag tag{.text = {}, .name = std::string(any_of(catalogue_typed_names(label))), .form = TagForm::whole};
  const double fate = 100 * random.uniform();
  if (fate < noise.empty_percent) tag.form = TagForm::empty;
  else if (fate < noise.empty_percent + noise.shorten_percent) tag.form = any_of(forms);
  tag.text = add_typing_errors(shorten_tag(tag.name, tag.form), {.percent = noise.typing_error_percent}, random);
  return tag;
}

}  // namespace alloy
