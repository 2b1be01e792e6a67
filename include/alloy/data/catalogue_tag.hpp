// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What somebody types for a product of the catalogue: its name or a synonym, whole or shortened, with typing errors, or
/// nothing at all. Training, validation and test have their own ways of shortening.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>

#include <array>
#include <span>

namespace alloy {

/// The classes of Fashion-MNIST in the order of its labels, by the names that are spoken: t-shirt, trouser, pullover,
/// dress, coat, sandal, shirt, sneaker, bag, ankle boot.
inline constexpr int64_t kCatalogueClasses = 10;
ALLOY_API std::span<const std::string_view, kCatalogueClasses> catalogue_class_names();

/// What is typed for a class: its name, then two synonyms, each as likely as the others.
/// @param label  0..9
ALLOY_API std::span<const std::string_view, 3> catalogue_typed_names(int64_t label);

/// How a tag was shortened: `sweater` becomes `sweat` (cut_end), `swtr` (drop_vowels), `weate` (cut_both), `eater`
/// (cut_start), `sweer` (cut_middle). Cuts leave three fifths of the letters, rounded up; the first letter is never dropped
/// as a vowel.
enum class TagForm { whole, cut_end, drop_vowels, cut_both, cut_start, cut_middle, empty };
constexpr auto enum_names(TagForm) {
  return std::to_array<std::pair<TagForm, std::string_view>>({{TagForm::whole, "whole"},
                                                              {TagForm::cut_end, "cut_end"},
                                                              {TagForm::drop_vowels, "drop_vowels"},
                                                              {TagForm::cut_both, "cut_both"},
                                                              {TagForm::cut_start, "cut_start"},
                                                              {TagForm::cut_middle, "cut_middle"},
                                                              {TagForm::empty, "empty"}});
}
inline constexpr std::array kTrainForms = {TagForm::cut_end, TagForm::drop_vowels};
inline constexpr std::array kValidForms = {TagForm::cut_both};
inline constexpr std::array kTestForms = {TagForm::cut_start, TagForm::cut_middle};

/// A name in one of the forms, without typing errors.
/// @param name  ASCII
ALLOY_API std::string shorten_tag(std::string_view name, TagForm form);

struct TagNoise {
  double typing_error_percent = 30;
  double shorten_percent = 70;
  double empty_percent = 5;
  static void describe(auto& self, auto&& field) {
    field("typing_error_percent", self.typing_error_percent, "0..100, of the characters that are typed wrong, see add_typing_errors");
    field("shorten_percent", self.shorten_percent, "0..100, of the tags that are shortened");
    field("empty_percent", self.empty_percent, "0..100, of the tags that are left empty; together with shorten_percent at most 100");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct Tag {
  std::string text;  ///< with its typing errors
  std::string name;  ///< what was meant: one of catalogue_typed_names
  TagForm form = TagForm::whole;
};

/// @param label  0..9
/// @param forms  ways of shortening, each as likely as the others, at least one: kTrainForms, kValidForms or kTestForms
ALLOY_API Tag type_tag(int64_t label, std::span<const TagForm> forms, const TagNoise& noise, Random& random);

}  // namespace alloy
