// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/brain.hpp"
#include "support/installed.hpp"

#include <alloy/data/brain_notes.hpp>

#include <set>

using namespace alloy;
using Polarity = BrainPhrase::Polarity;

namespace {

/// Where a mask lies on average: row, column.
std::pair<double, double> middle(const Tensor& mask) {
  const Tensor at = mask.nonzero().to(at::kDouble).mean(0);
  return {at[0].item<double>(), at[1].item<double>()};
}

std::multiset<std::string> words_of(const std::string& text) {
  std::multiset<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ' && c != ';') word += c;
    else if (!word.empty()) words.insert(std::exchange(word, ""));
  }
  return words;
}

NiftiVolume volume(const Tensor& values, std::array<double, 12> affine) {
  NiftiVolume v{.header = {.shape = values.sizes().vec(), .placement = NiftiPlacement::sform, .affine = affine}, .values = values};
  return v;
}

}  // namespace

TEST_CASE("places of the AAL atlas", "[data]") {
  const std::vector<std::pair<std::string, BrainPlace>> cases = {{"Precentral_L", {BrainRegion::frontal, BodySide::left}},
                                                                 {"Frontal_Sup_Orb_R", {BrainRegion::frontal, BodySide::right}},
                                                                 {"Rolandic_Oper_L", {BrainRegion::frontal, BodySide::left}},
                                                                 {"Precuneus_L", {BrainRegion::parietal, BodySide::left}},
                                                                 {"Cuneus_L", {BrainRegion::occipital, BodySide::left}},
                                                                 {"Postcentral_R", {BrainRegion::parietal, BodySide::right}},
                                                                 {"Fusiform_R", {BrainRegion::temporal, BodySide::right}},
                                                                 {"ParaHippocampal_L", {BrainRegion::temporal, BodySide::left}},
                                                                 {"Insula_R", {BrainRegion::insula, BodySide::right}},
                                                                 {"Thalamus_L", {BrainRegion::deep_grey, BodySide::left}},
                                                                 {"Cerebelum_4_5_R", {BrainRegion::cerebellum, BodySide::right}},
                                                                 {"Paracentral_Lobule_R", {BrainRegion::parietal, BodySide::right}}};
  for (const auto& [label, place] : cases) {
    INFO(label);
    CHECK(place_of_aal(label) == place);
  }
  for (const char* label : {"Vermis_4_5", "Cingulum_Ant_L", "Insula", "frontal_L", ""}) CHECK_FALSE(place_of_aal(label).has_value());
  for (int64_t i = 0; i < kBrainPlaces; ++i) {
    CHECK(place_index(place_at(i)) == i);
    CHECK(mirrored(mirrored(place_at(i))) == place_at(i));
    CHECK(mirrored(place_at(i)).side != place_at(i).side);
  }
  CHECK(place_name(place_at(1)) == "right frontal lobe");
}

TEST_CASE("make_brain_volumes", "[data]") {
  // Labels 1 (left) and 2 (right) of 4 mm voxels, [I, J, K]; the scan is 10 on the left and 20 on the right.
  Tensor labels = torch::zeros({10, 10, 10}, at::kByte);
  labels.slice(0, 1, 5).fill_(1);
  labels.slice(0, 5, 9).fill_(2);
  const Tensor scan = labels.to(at::kFloat) * 10;
  const std::vector<AtlasLabel> names = {{1, "Frontal_Sup_L"}, {2, "Frontal_Sup_R"}};
  const std::array<double, 12> to_right{4, 0, 0, -18, 0, 4, 0, -18, 0, 0, 4, -18}, to_left{-4, 0, 0, 18, 0, 4, 0, -18, 0, 0, 4, -18};
  const BrainVolumes v = make_brain_volumes(volume(scan, to_right), volume(labels, to_right), names);
  SECTION("left is where x is below 0") {
    const int64_t x0 = std::llround((-8 - v.origin_mm[0]) / v.step_mm), x1 = std::llround((8 - v.origin_mm[0]) / v.step_mm);
    const int64_t mid = std::llround((0 - v.origin_mm[1]) / v.step_mm);
    CHECK(v.places[mid][mid][x0].item<int64_t>() == 1 + place_index({BrainRegion::frontal, BodySide::left}));
    CHECK(v.places[mid][mid][x1].item<int64_t>() == 1 + place_index({BrainRegion::frontal, BodySide::right}));
    CHECK_THAT(v.intensity[mid][mid][x0], AllClose(torch::tensor(0.5f)));  // of the brightest
    CHECK_THAT(v.intensity[mid][mid][x1], AllClose(torch::tensor(1.0f)));
  }
  SECTION("how a file is stored makes no difference") {
    const BrainVolumes other = make_brain_volumes(volume(scan.flip(0), to_left), volume(labels, to_right), names);
    CHECK_THAT(other.intensity, AllClose(v.intensity));
    const BrainVolumes turned = make_brain_volumes(volume(scan.permute({1, 0, 2}), {0, 4, 0, -18, 4, 0, 0, -18, 0, 0, 4, -18}),
                                                   volume(labels.to(at::kDouble), to_right), names);
    CHECK_THAT(turned.intensity, AllClose(v.intensity));
    CHECK_THAT(turned.places, SameBits(v.places));
  }
  SECTION("what must be rejected") {
    const auto make = [&](const NiftiVolume& a, const NiftiVolume& b) { return make_brain_volumes(a, b, names); };
    CHECK_THROWS_WITH(make(volume(scan, to_left), volume(labels, to_left)), ContainsSubstring("mirrored") && ContainsSubstring("Frontal_Sup_L"));
    NiftiVolume lost = volume(scan, to_right);
    lost.header.placement = NiftiPlacement::none;
    CHECK_THROWS_WITH(make(lost, volume(labels, to_right)), ContainsSubstring("left and right are not known"));
    lost = volume(labels, to_right);
    lost.header.placement = NiftiPlacement::none;
    CHECK_THROWS_WITH(make(volume(scan, to_right), lost), ContainsSubstring("the atlas"));
    CHECK_THROWS_WITH(make(volume(scan, to_right), volume(labels.to(at::kFloat) + 0.5, to_right)), ContainsSubstring("whole numbers"));
    CHECK_THROWS_WITH(make(volume(scan / 0, to_right), volume(labels, to_right)), ContainsSubstring("finite"));
    CHECK_THROWS_WITH(make(volume(scan, to_right), volume(labels * 0, to_right)), ContainsSubstring("zeros alone"));
    CHECK_THROWS_WITH(make(volume(scan, {4, 0, 0, 500, 0, 4, 0, -18, 0, 0, 4, -18}), volume(labels, to_right)),
                      ContainsSubstring("not in one space"));
    CHECK_THROWS_AS(make(volume(scan[0], to_right), volume(labels, to_right)), ShapeError);
    CHECK_THROWS_WITH(make_brain_volumes(volume(scan, to_right), volume(labels, to_right), {{7, "Frontal_Sup_L"}}),
                      ContainsSubstring("known region"));
    CHECK_THROWS_AS(make_brain_volumes(volume(scan, to_right), volume(labels, to_right), names, place_of_aal, {.step_mm = 0}), ConfigError);
    const std::array<double, 12> wide{20, 0, 0, -90, 0, 20, 0, -90, 0, 0, 20, -90};
    CHECK_THROWS_WITH(make_brain_volumes(volume(scan, wide), volume(labels, wide), names, place_of_aal, {.step_mm = 0.5, .margin_mm = 100}),
                      ContainsSubstring("at most 2^27 cells") && ContainsSubstring("681 x 761 x 761"));
    CHECK_THROWS_WITH(read_brain_template("/nowhere"), ContainsSubstring("mricron-data"));
    CHECK_THROWS_AS(read_brain_template(std::string(300, 'x')), IoError);  // a name that is too long
  }
}

TEST_CASE("what notes say", "[data]") {
  const BrainPlace right_frontal{BrainRegion::frontal, BodySide::right}, left_temporal{BrainRegion::temporal, BodySide::left};
  const BrainNote note = {{.polarity = Polarity::negated, .place = left_temporal},
                          {.kind = LesionKind::malignant, .place = right_frontal, .lesion = 0}};
  CHECK(note_text(note) == "no mass in the left temporal lobe; a malignant lesion in the right frontal lobe");
  CHECK(phrase_text({.polarity = Polarity::negated, .kind = LesionKind::cystic, .place = left_temporal, .wording = 3}) ==
        "a cystic lesion in the left temporal lobe is not seen");
  const std::vector<BrainLesion> there = {{.kind = LesionKind::malignant, .place = right_frontal, .mask = {}}};
  CHECK(note_holds(note, there));
  CHECK_FALSE(note_holds(note, {}));
  CHECK_FALSE(note_holds(with_sides_swapped(note), there));
  CHECK(note_text(with_sides_swapped(note)) == "no mass in the right temporal lobe; a malignant lesion in the left frontal lobe");
  Random random(1);
  const BrainNote moved = with_negation_moved(note, random);
  CHECK(note_text(moved) == "a mass in the left temporal lobe; no malignant lesion in the right frontal lobe");
  CHECK_FALSE(note_holds(moved, there));
  CHECK_THROWS_WITH(with_negation_moved({note[0]}, random), ContainsSubstring("both") || ContainsSubstring("affirmed and negated"));
  SECTION("a mass is a lesion of any kind, and another kind is not there") {
    CHECK(note_holds({{.place = right_frontal}}, there));
    CHECK_FALSE(note_holds({{.polarity = Polarity::negated, .place = right_frontal}}, there));
    CHECK(note_holds({{.polarity = Polarity::negated, .kind = LesionKind::benign, .place = right_frontal}}, there));
  }
  SECTION("words have ids") {
    std::set<int64_t> all;
    for (int64_t place = 0; place < kBrainPlaces; ++place)
      for (int64_t wording = 0; wording < kBrainWordings; ++wording)
        for (const Polarity polarity : {Polarity::affirmed, Polarity::negated})
          for (int64_t kind = 0; kind < kLesionKinds; ++kind) {
            const auto ids = brain_word_ids(
                phrase_text({.polarity = polarity, .kind = static_cast<LesionKind>(kind), .place = place_at(place), .wording = wording}));
            all.insert(ids.begin(), ids.end());
          }
    CHECK(*all.begin() >= 1);
    CHECK(*all.rbegin() <= static_cast<int64_t>(brain_words().size()));
    CHECK(all.size() + 1 == brain_words().size());  // but for "mass"
    CHECK_THROWS_WITH(brain_word_ids("a mass in the spleen"), ContainsSubstring("'spleen'"));
  }
}

TEST_CASE("BrainCaseMaker", "[data]") {
  const BrainCaseMaker maker(ball(), ball_slices());
  SECTION("what every case holds") {
    int two_in_one_place = 0, about_other_side = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
      const BrainCase c = maker.make(seed);
      INFO(note_text(c.note));
      CHECK(c.image.sizes() == at::IntArrayRef({1, 48, 48}));
      CHECK(c.places.sizes() == at::IntArrayRef({48, 48}));
      CHECK(c.image.isfinite().all().item<bool>());
      REQUIRE(!c.lesions.empty());
      CHECK(note_holds(c.note, c.lesions));
      const BrainNote swapped = with_sides_swapped(c.note);
      CHECK_FALSE(note_holds(swapped, c.lesions));
      Random random(seed);
      const BrainNote moved = with_negation_moved(c.note, random);
      CHECK_FALSE(note_holds(moved, c.lesions));
      CHECK(words_of(note_text(swapped)) == words_of(note_text(c.note)));  // a bag of words cannot tell them apart
      CHECK(words_of(note_text(moved)) == words_of(note_text(c.note)));
      size_t affirmed = 0;
      for (const BrainPhrase& phrase : c.note) {
        affirmed += phrase.polarity == Polarity::affirmed;
        CHECK((phrase.lesion >= 0) == (phrase.polarity == Polarity::affirmed));
        if (phrase.lesion < 0) {
          for (const BrainLesion& l : c.lesions) about_other_side += mirrored(l.place) == phrase.place;
          continue;
        }
        CHECK(c.lesions[static_cast<size_t>(phrase.lesion)].place == phrase.place);
        CHECK(c.lesions[static_cast<size_t>(phrase.lesion)].kind == phrase.kind);
      }
      CHECK(affirmed == c.lesions.size());
      Tensor taken = torch::zeros({48, 48}, at::kBool);
      std::set<int64_t> seen;
      for (const BrainLesion& l : c.lesions) {
        const Tensor own = c.places.eq(1 + place_index(l.place)).logical_and(l.mask);
        CHECK(2 * own.sum().item<int64_t>() > l.mask.sum().item<int64_t>() - 4);  // ragged outlines go a little beyond
        CHECK(std::abs(middle(l.mask).first - l.row) < 1.5);
        CHECK(std::abs(middle(l.mask).second - l.column) < 1.5);
        CHECK_FALSE(taken.logical_and(l.mask).any().item<bool>());
        taken = taken.logical_or(l.mask);
        two_in_one_place += !seen.insert(place_index(l.place)).second;
      }
    }
    CHECK(two_in_one_place > 10);
    CHECK(about_other_side > 10);
  }
  SECTION("a seed is a case") {
    CHECK_THAT(maker.make(7).image, SameBits(maker.make(7).image));
    CHECK(note_text(maker.make(7).note) == note_text(maker.make(7).note));
    CHECK_FALSE(torch::equal(maker.make(7).image, maker.make(8).image));
  }
  SECTION("the front is above; the view says where left is") {
    BrainCaseOptions options = ball_slices();
    options.view = SliceView::neurological;
    const BrainCase radiological = maker.make(3), neurological = BrainCaseMaker(ball(), options).make(3);
    const auto where = [](const BrainCase& c, BrainRegion region, BodySide side) { return middle(c.places.eq(1 + place_index({region, side}))); };
    for (const BrainCase* c : {&radiological, &neurological})
      CHECK(where(*c, BrainRegion::frontal, BodySide::left).first + 10 < where(*c, BrainRegion::occipital, BodySide::left).first);
    CHECK(where(radiological, BrainRegion::frontal, BodySide::left).second > where(radiological, BrainRegion::frontal, BodySide::right).second + 5);
    CHECK(where(neurological, BrainRegion::frontal, BodySide::left).second + 5 < where(neurological, BrainRegion::frontal, BodySide::right).second);
  }
  SECTION("kinds look as told") {
    BrainCaseOptions options = ball_slices();
    options.noise = 0, options.max_lesions = 1, options.pixels = 96, options.pixel_mm = 2;
    const BrainCaseMaker sharp(ball(), options);
    std::set<LesionKind> seen;
    for (uint64_t seed = 0; seed < 30; ++seed) {
      const BrainCase c = sharp.make(seed);
      const BrainLesion& l = c.lesions[0];
      seen.insert(l.kind);
      const double inside = c.image[0].masked_select(l.mask).mean().item<double>(),
                   tissue = c.image[0].masked_select(c.places.gt(0)).median().item<double>();
      const double core = c.image[0][static_cast<int64_t>(std::lround(l.row))][static_cast<int64_t>(std::lround(l.column))].item<double>(),
                   rim = c.image[0].masked_select(l.mask).max().item<double>();
      INFO(phrase_text(c.note[0]) << " inside " << inside << " core " << core << " rim " << rim << " tissue " << tissue);
      if (l.kind == LesionKind::benign) CHECK(inside > 1.2 * tissue);
      if (l.kind == LesionKind::cystic) CHECK(inside < 0.6 * tissue);
      if (l.kind == LesionKind::malignant) CHECK((core < 0.8 * tissue && rim > 1.15 * tissue));
    }
    CHECK(seen.size() == 3);
  }
  SECTION("places that are left out or asked for") {
    BrainCaseOptions options = ball_slices();
    const int64_t place = place_index({BrainRegion::temporal, BodySide::left}), other = place_index({BrainRegion::frontal, BodySide::right});
    options.excluded_places = {place};
    options.required_places = {other};
    const BrainCaseMaker some(ball(), options);
    for (uint64_t seed = 0; seed < 30; ++seed) {
      const BrainCase c = some.make(seed);
      bool there = false;
      for (const BrainPhrase& phrase : c.note) CHECK(place_index(phrase.place) != place);
      for (const BrainLesion& l : c.lesions) there = there || place_index(l.place) == other;
      CHECK(there);
    }
  }
  SECTION("what must be rejected") {
    const auto make = [](auto change) {
      BrainCaseOptions options = ball_slices();
      change(options);
      return BrainCaseMaker(ball(), options);
    };
    CHECK_THROWS_WITH(make([](auto& o) { o.pixels = 8; }), ContainsSubstring("pixels in 16..512, got 8"));
    CHECK_THROWS_WITH(make([](auto& o) { o.warp_mm = 7; }), ContainsSubstring("got 7"));
    CHECK_THROWS_WITH(make([](auto& o) { o.max_lesions = 0; }), ContainsSubstring("1..4"));
    CHECK_THROWS_WITH(make([](auto& o) { o.required_places = {14}; }), ContainsSubstring("0..13, got 14"));
    CHECK_THROWS_WITH(make([](auto& o) { o.required_places = o.excluded_places = {3}; }), ContainsSubstring("both"));
    CHECK_THROWS_WITH(make([](auto& o) { o.min_z_mm = 300, o.max_z_mm = 400; }).make(0), ContainsSubstring("room for a lesion"));
    BrainVolumes odd = ball();
    odd.places = odd.places.slice(0, 1);
    CHECK_THROWS_AS(BrainCaseMaker(odd, ball_slices()), ShapeError);
  }
}

TEST_CASE("the template as the distribution ships it", "[data]") {
  if (!std::filesystem::exists("/usr/share/mricron/templates/aal.nii.gz")) ALLOY_SKIP("mricron-data is not installed");
  const BrainVolumes v = read_brain_template();
  for (int64_t place = 0; place < kBrainPlaces; ++place) {
    INFO(place_name(place_at(place)));
    CHECK(v.places.eq(1 + place).sum().item<int64_t>() * 8 > 10000);  // mm^3
  }
  CHECK(v.intensity.masked_select(v.places.gt(0)).median().item<double>() > 0.6);
  const BrainCaseMaker maker(v, {});
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const BrainCase c = maker.make(seed);
    CHECK(note_holds(c.note, c.lesions));
  }
}
