// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Slices of a brain with simulated lesions, and notes about them, for trying out how phrases are aligned with places of a picture.
/// Lesions and notes are simulated, and one template is one subject however it is warped: what is learnt here says nothing about
/// patients. This is no medical device.

#include <alloy/core/random.hpp>
#include <alloy/data/brain_atlas.hpp>

namespace alloy {

/// How a lesion looks, and what notes call it. The names say what is drawn, not what a pathologist would find:
/// malignant: ragged, a bright rim about a dark core, in a grey halo; benign: smooth and evenly bright; cystic: smooth and evenly dark.
enum class LesionKind { malignant, benign, cystic };
inline constexpr int64_t kLesionKinds = 3;

struct BrainLesion {
  LesionKind kind = LesionKind::malignant;
  BrainPlace place;
  double row = 0, column = 0;  ///< its middle, in pixels
  Tensor mask;                 ///< bool [H, W], without the halo
};

/// One statement of a note: "a malignant lesion in the right frontal lobe", "no mass in the left temporal lobe".
struct BrainPhrase {
  enum class Polarity { affirmed, negated };
  Polarity polarity = Polarity::affirmed;
  std::optional<LesionKind> kind = {};  ///< none: "mass", of whatever kind
  BrainPlace place;
  int64_t wording = 0;  ///< 0 .. kBrainWordings - 1; each there is for both polarities
  int64_t lesion = -1;  ///< index into the lesions; -1 where it is about none
};
inline constexpr int64_t kBrainWordings = 4;
using BrainNote = std::vector<BrainPhrase>;

ALLOY_API std::string phrase_text(const BrainPhrase& phrase);
/// The phrases in order, joined by "; ".
ALLOY_API std::string note_text(const BrainNote& note);
/// Whether every phrase is true of a slice with these lesions.
ALLOY_API bool note_holds(const BrainNote& note, const std::vector<BrainLesion>& lesions);
/// Left for right and right for left in every phrase. Notes of BrainCaseMaker name both sides equally often, so that the words stay the same.
ALLOY_API BrainNote with_sides_swapped(BrainNote note);
/// An affirmed phrase and a negated one, drawn at random, change wording and polarity: the same words, and what was there is denied.
/// @throws ConfigError for a note without phrases of both polarities
ALLOY_API BrainNote with_negation_moved(BrainNote note, Random& random);

/// Every word that phrases are made of, in a fixed order.
ALLOY_API const std::vector<std::string>& brain_words();
/// Ids of the words of a phrase: 1 + place in brain_words(). @throws DataError for another word
ALLOY_API std::vector<int64_t> brain_word_ids(std::string_view phrase);

/// On which side of the picture the patient's left is. Slices are never mirrored otherwise: it would turn true notes into false ones.
enum class SliceView {
  radiological,  ///< seen from the feet: the patient's left is on the right
  neurological,  ///< seen from above: the patient's left is on the left
};
constexpr auto enum_names(SliceView) {
  return std::to_array<std::pair<SliceView, std::string_view>>(
      {{SliceView::radiological, "radiological"}, {SliceView::neurological, "neurological"}});
}

struct BrainCaseOptions {
  int64_t pixels = 64;
  double pixel_mm = 3.25;
  SliceView view = SliceView::radiological;
  double min_z_mm = -40.0;
  double max_z_mm = 55.0;
  int64_t max_lesions = 3;
  double same_place = 0.5;
  double warp_mm = 5.0;
  double noise = 0.03;
  std::vector<int64_t> excluded_places = {};
  std::vector<int64_t> required_places = {};
  static void describe(auto& self, auto&& field) {
    field("pixels", self.pixels, "height and width of a slice, 16..512");
    field("pixel_mm", self.pixel_mm, "side of a pixel, 0.25..20");
    field("view", self.view, "side of the picture that the patient's left is on");
    field("min_z_mm", self.min_z_mm, "lowest slice, in the template's millimetres");
    field("max_z_mm", self.max_z_mm, "highest slice, >= min_z_mm");
    field("max_lesions", self.max_lesions, "a slice, 1..4");
    field("same_place", self.same_place,
          "0..1, chance that a further lesion, of another kind, goes to the place of one before it, where there is room");
    field("warp_mm", self.warp_mm, "0..6, the largest shift of the smooth warp; turns and scales come on top");
    field("noise", self.noise, "0..1, standard deviation of what is added to each pixel");
    field("excluded_places", self.excluded_places, "place_index of places that neither lesions nor phrases are about");
    field("required_places", self.required_places, "one lesion at least is in one of them; empty = anywhere");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

struct BrainCase {
  Tensor image;   ///< float [1, H, W], about 0..1; row 0 is the front, columns as the view says
  Tensor places;  ///< uint8 [H, W]: 0 = none, else 1 + place_index
  std::vector<BrainLesion> lesions;
  BrainNote note;  ///< an affirmed phrase a lesion, and negated ones, in random order
  double z_mm = 0;
};

/// A slice is cut through the template at a random height, tilted, turned and scaled a little, warped smoothly (sums of waves, too
/// gentle to fold), under a smooth bias field, with other contrast and noise. Negated phrases are about the other side of what is
/// there, about another kind at the same place, or about other places in view. Immutable; threads may share one.
class ALLOY_API BrainCaseMaker {
 public:
  /// @throws ConfigError for options out of range
  BrainCaseMaker(BrainVolumes volumes, BrainCaseOptions options);
  /// The same seed gives the same case. The note holds; with its sides swapped it does not.
  /// @throws DataError if 1,000 slices in a row have no room for lesions
  BrainCase make(uint64_t seed) const;
  const BrainCaseOptions& options() const { return options_; }

 private:
  BrainVolumes volumes_;
  BrainCaseOptions options_;
};

}  // namespace alloy
