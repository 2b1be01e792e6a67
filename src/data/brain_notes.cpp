// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/brain_notes.hpp>

#include "data/detail/brain_slice.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace alloy {

namespace {

constexpr auto kWhere = "BrainCaseMaker";
constexpr uint64_t kTag = 0x627261696e;
constexpr double kVisibleMm2 = 300;  ///< places of less are neither given lesions nor spoken of
constexpr double kGapMm = 4;         ///< between lesions

using Polarity = BrainPhrase::Polarity;

/// Where a lesion is to be drawn.
struct Spot {
  LesionKind kind;
  int64_t place;
  double row, column, radius_mm;
};

template <class T>
const T& any_of(const std::vector<T>& items, Random& random) {
  return items[static_cast<size_t>(random.below(static_cast<int64_t>(items.size())))];
}

bool contains(const std::vector<int64_t>& items, int64_t item) { return std::ranges::find(items, item) != items.end(); }

/// One slice in the making.
class Draft {
 public:
  Draft(const BrainVolumes& volumes, const BrainCaseOptions& options, uint64_t seed)
      : options_(options),
        random_(seed),
        z_mm_(random_.uniform(options.min_z_mm, options.max_z_mm)),
        slice_(detail::cut_slice(volumes, options, z_mm_, random_)) {
    const auto* places = slice_.places.const_data_ptr<uint8_t>();
    for (int64_t pixel = 0; pixel < options.pixels * options.pixels; ++pixel)
      if (places[pixel] > 0) pixels_[static_cast<size_t>(places[pixel] - 1)].push_back(pixel);
    for (int64_t place = 0; place < kBrainPlaces; ++place) {
      const double area = static_cast<double>(pixels_[static_cast<size_t>(place)].size()) * options.pixel_mm * options.pixel_mm;
      if (area >= kVisibleMm2 && !contains(options.excluded_places, place)) visible_.push_back(place);
    }
  }

  /// @return the case, or nothing if this slice has no room
  std::optional<BrainCase> finish() {
    if (!place_lesions()) return std::nullopt;
    BrainCase made{.image = slice_.image, .places = slice_.places, .lesions = {}, .note = {}, .z_mm = z_mm_};
    for (const Spot& spot : spots_) {
      const Tensor mask = detail::draw_lesion(made.image, spot.kind, spot.row, spot.column, spot.radius_mm, options_.pixel_mm, random_);
      made.lesions.push_back({.kind = spot.kind, .place = place_at(spot.place), .row = spot.row, .column = spot.column, .mask = mask});
    }
    if (!write_note(made)) return std::nullopt;
    detail::expose(made.image, options_, random_);
    made.image = made.image.unsqueeze(0);
    return made;
  }

 private:
  bool place_lesions() {
    const int64_t wanted = 1 + random_.below(options_.max_lesions);
    std::vector<int64_t> first = visible_;
    if (!options_.required_places.empty()) std::erase_if(first, [&](int64_t place) { return !contains(options_.required_places, place); });
    if (first.empty() || !add_spot(any_of(first, random_))) return false;
    for (int64_t more = 1; more < wanted; ++more) {
      const bool again = random_.chance(options_.same_place);
      if (!(again && add_spot(any_of(spots_, random_).place))) add_spot(any_of(visible_, random_));  // a slice may have room for fewer
    }
    return true;
  }

  bool add_spot(int64_t place) {
    std::vector<LesionKind> kinds;
    for (int64_t kind = 0; kind < kLesionKinds; ++kind)
      if (std::ranges::none_of(spots_, [&](const Spot& s) { return s.place == place && s.kind == static_cast<LesionKind>(kind); }))
        kinds.push_back(static_cast<LesionKind>(kind));
    if (kinds.empty()) return false;
    const LesionKind kind = any_of(kinds, random_);
    const double radius = detail::lesion_radius_mm(kind, random_);
    constexpr int kTries = 30;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const int64_t pixel = any_of(pixels_[static_cast<size_t>(place)], random_);
      const Spot spot{kind, place, static_cast<double>(pixel / options_.pixels) + random_.uniform(-0.4, 0.4),
                      static_cast<double>(pixel % options_.pixels) + random_.uniform(-0.4, 0.4), radius};
      if (!has_room(spot)) continue;
      spots_.push_back(spot);
      return true;
    }
    return false;
  }

  /// Most of it lies in its place and in tissue, little in another place, and no other lesion is near.
  bool has_room(const Spot& spot) const {
    for (const Spot& other : spots_)
      if (std::hypot(spot.row - other.row, spot.column - other.column) * options_.pixel_mm < spot.radius_mm + other.radius_mm + kGapMm) return false;
    const double reach = spot.radius_mm / options_.pixel_mm;
    const auto low = [](double v) { return static_cast<int64_t>(std::ceil(v)); };
    const auto* places = slice_.places.const_data_ptr<uint8_t>();
    const auto* image = slice_.image.const_data_ptr<float>();
    constexpr float kTissue = 0.3F;  // air and fluid are darker
    int64_t own = 0, foreign = 0, tissue = 0, all = 0;
    for (int64_t row = low(spot.row - reach); static_cast<double>(row) <= spot.row + reach; ++row)
      for (int64_t column = low(spot.column - reach); static_cast<double>(column) <= spot.column + reach; ++column) {
        if (row < 0 || column < 0 || row >= options_.pixels || column >= options_.pixels) return false;
        if (std::hypot(static_cast<double>(row) - spot.row, static_cast<double>(column) - spot.column) > reach) continue;
        const int64_t label = places[row * options_.pixels + column];
        ++all, own += label == spot.place + 1, foreign += label != 0 && label != spot.place + 1,
            tissue += image[row * options_.pixels + column] > kTissue;
      }
    return 2 * own >= all && 5 * foreign <= all && 4 * tissue >= 3 * all;
  }

  bool write_note(BrainCase& made) {
    std::array<int64_t, 2> said{};  // by side
    for (size_t i = 0; i < made.lesions.size(); ++i) {
      const BrainLesion& lesion = made.lesions[i];
      made.note.push_back({.polarity = Polarity::affirmed,
                           .kind = lesion.kind,
                           .place = lesion.place,
                           .wording = random_.below(kBrainWordings),
                           .lesion = static_cast<int64_t>(i)});
      ++said[static_cast<size_t>(lesion.place.side)];
    }
    const int64_t level = std::max(said[0], said[1]) + ((said[0] == said[1] || random_.chance(0.25)) ? 1 : 0);  // of phrases a side
    for (const BodySide side : {BodySide::left, BodySide::right})
      for (int64_t& count = said[static_cast<size_t>(side)]; count < level; ++count) {
        const auto phrase = denial(made, side);
        if (!phrase) return false;
        made.note.push_back(*phrase);
      }
    BrainNote shuffled;
    for (const int64_t i : random_.permutation(static_cast<int64_t>(made.note.size()))) shuffled.push_back(made.note[static_cast<size_t>(i)]);
    made.note = std::move(shuffled);
    return !note_holds(with_sides_swapped(made.note), made.lesions);
  }

  /// A negated phrase about a side that holds and was not said yet.
  std::optional<BrainPhrase> denial(const BrainCase& made, BodySide side) {
    std::vector<int64_t> here, mirror;  // places on this side with a lesion, and opposite one
    for (const BrainLesion& lesion : made.lesions) (lesion.place.side == side ? here : mirror).push_back(place_index({lesion.place.region, side}));
    std::vector<int64_t> others = visible_;
    std::erase_if(others, [&](int64_t place) { return place_at(place).side != side; });
    for (int attempt = 0; attempt < 30; ++attempt) {
      const double draw = random_.uniform();
      const auto& from = draw < 0.4 && !mirror.empty() ? mirror : draw < 0.65 && !here.empty() ? here : others;
      if (from.empty()) continue;
      const int64_t place = any_of(from, random_);
      if (contains(options_.excluded_places, place)) continue;
      BrainPhrase phrase{.polarity = Polarity::negated, .kind = {}, .place = place_at(place), .wording = random_.below(kBrainWordings)};
      if (random_.chance(0.7)) phrase.kind = static_cast<LesionKind>(random_.below(kLesionKinds));
      const bool said = std::ranges::any_of(
          made.note, [&](const BrainPhrase& p) { return p.polarity == Polarity::negated && p.place == phrase.place && p.kind == phrase.kind; });
      if (!said && note_holds({phrase}, made.lesions)) return phrase;
    }
    return std::nullopt;
  }

  const BrainCaseOptions& options_;
  Random random_;
  double z_mm_;
  detail::CutSlice slice_;
  std::array<std::vector<int64_t>, kBrainPlaces> pixels_;
  std::vector<int64_t> visible_;
  std::vector<Spot> spots_;
};

}  // namespace

void BrainCaseOptions::validate() const {
  check<ConfigError>(pixels >= 16 && pixels <= 512, "[{}] expected pixels in 16..512, got {}", {kWhere, pixels});
  check<ConfigError>(pixel_mm >= 0.25 && pixel_mm <= 20, "[{}] expected pixel_mm in 0.25..20, got {}", {kWhere, pixel_mm});
  check<ConfigError>(min_z_mm <= max_z_mm && std::isfinite(min_z_mm) && std::isfinite(max_z_mm), "[{}] expected min_z_mm <= max_z_mm, got {} and {}",
                     {kWhere, min_z_mm, max_z_mm});
  check<ConfigError>(max_lesions >= 1 && max_lesions <= 4, "[{}] expected max_lesions in 1..4, got {}", {kWhere, max_lesions});
  check<ConfigError>(same_place >= 0 && same_place <= 1, "[{}] expected same_place in 0..1, got {}", {kWhere, same_place});
  check<ConfigError>(warp_mm >= 0 && warp_mm <= 6, "[{}] expected warp_mm in 0..6, got {}", {kWhere, warp_mm});
  check<ConfigError>(noise >= 0 && noise <= 1, "[{}] expected noise in 0..1, got {}", {kWhere, noise});
  for (const auto* places : {&excluded_places, &required_places})
    for (const int64_t place : *places)
      check<ConfigError>(place >= 0 && place < kBrainPlaces, "[{}] expected places in 0..{}, got {}", {kWhere, kBrainPlaces - 1, place});
  for (const int64_t place : required_places)
    check<ConfigError>(!contains(excluded_places, place), "[{}] expected no place both required and excluded, got {}", {kWhere, place});
}

BrainCaseMaker::BrainCaseMaker(BrainVolumes volumes, BrainCaseOptions options)
    : volumes_(std::move(volumes)), options_((options.validate(), std::move(options))) {
  check_shape(volumes_.intensity, {-1, -1, -1}, kWhere, "the intensity");
  check<ShapeError>(volumes_.places.sizes() == volumes_.intensity.sizes(), "[{}] expected places of the intensity's shape, got {} and {}",
                    {kWhere, volumes_.places, volumes_.intensity});
  check<ShapeError>(volumes_.intensity.scalar_type() == at::kFloat && volumes_.places.scalar_type() == at::kByte,
                    "[{}] expected a float intensity and uint8 places, got {} and {}", {kWhere, volumes_.intensity, volumes_.places});
  volumes_.intensity = volumes_.intensity.contiguous();
  volumes_.places = volumes_.places.contiguous();
  check<DataError>(volumes_.places.max().item<int64_t>() <= kBrainPlaces, "[{}] expected places up to {}, got {}",
                   {kWhere, kBrainPlaces, volumes_.places.max().item<int64_t>()});
}

BrainCase BrainCaseMaker::make(uint64_t seed) const {
  constexpr uint64_t kSlices = 1000;
  for (uint64_t attempt = 0; attempt < kSlices; ++attempt)
    if (auto made = Draft(volumes_, options_, mix_seed({seed, attempt, kTag})).finish()) return *std::move(made);
  fail<DataError>(
      "[{}] expected room for a lesion between z = {} and {} mm, got none in {} slices; see excluded_places, required_places and pixel_mm",
      {kWhere, options_.min_z_mm, options_.max_z_mm, kSlices});
}

}  // namespace alloy
