// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A brain scan and an atlas of its regions brought to one grid, with the atlas's many labels gathered into seven regions of
/// either side. What is left comes from the affines of the files and is checked against the names of the labels.

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/io/label_table.hpp>
#include <alloy/io/nifti.hpp>

#include <functional>
#include <optional>

namespace alloy {

/// The patient's own, whatever side of a picture it is shown on.
enum class BodySide { left, right };
enum class BrainRegion { frontal, parietal, temporal, occipital, insula, deep_grey, cerebellum };
inline constexpr int64_t kBrainRegions = 7;

/// A region of one side.
struct BrainPlace {
  BrainRegion region = BrainRegion::frontal;
  BodySide side = BodySide::left;
  bool operator==(const BrainPlace&) const = default;
};
inline constexpr int64_t kBrainPlaces = 2 * kBrainRegions;
/// 0 .. 13, and back.
constexpr int64_t place_index(const BrainPlace& place) { return 2 * static_cast<int64_t>(place.region) + static_cast<int64_t>(place.side); }
constexpr BrainPlace place_at(int64_t index) { return {static_cast<BrainRegion>(index / 2), static_cast<BodySide>(index % 2)}; }
constexpr BrainPlace mirrored(const BrainPlace& place) { return {place.region, place.side == BodySide::left ? BodySide::right : BodySide::left}; }
/// "left frontal lobe", "right deep grey matter".
ALLOY_API std::string place_name(const BrainPlace& place);

/// Where a label of the AAL atlas (Tzourio-Mazoyer et al. 2002) belongs, by its name:
///
/// | region | labels that start with |
/// |---|---|
/// | frontal lobe | Precentral, Frontal, Rolandic_Oper, Supp_Motor_Area, Olfactory, Rectus |
/// | parietal lobe | Postcentral, Parietal, SupraMarginal, Angular, Precuneus, Paracentral_Lobule |
/// | temporal lobe | Temporal, Heschl, Fusiform, Hippocampus, ParaHippocampal, Amygdala |
/// | occipital lobe | Occipital, Calcarine, Cuneus, Lingual |
/// | insula | Insula |
/// | deep grey matter | Caudate, Putamen, Pallidum, Thalamus |
/// | cerebellum | Cerebelum (as the atlas spells it) |
///
/// The side is `_L` or `_R` at the end. Nothing for the cingulate gyrus, which three lobes share, and for the vermis, which has no side.
ALLOY_API std::optional<BrainPlace> place_of_aal(std::string_view label);
using PlaceOfLabel = std::function<std::optional<BrainPlace>(std::string_view label)>;

struct BrainGridOptions {
  double step_mm = 2.0;
  double margin_mm = 12.0;
  static void describe(auto& self, auto&& field) {
    field("step_mm", self.step_mm, "side of a cell of the grid, 0.5..10");
    field("margin_mm", self.margin_mm, "room on every side of what the atlas labels, 0..100");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Values at the points origin_mm + step_mm * (x, y, z); x grows to the right, y to the front, z to the top. A value.
struct BrainVolumes {
  Tensor intensity;  ///< float [Z, Y, X], about 0..1: 1 is the 99th percentile of what is above 0
  Tensor places;     ///< uint8 [Z, Y, X]: 0 = none, else 1 + place_index
  Point3 origin_mm{};
  double step_mm = 2.0;
};

/// Both volumes are read at the grid's points in millimetres, each by its own affine: the scan by means over the cell, the atlas at the
/// nearest voxel.
/// @param scan    3 axes; one template or scan, without the skull
/// @param atlas   labels as whole numbers, in the same space as the scan
/// @throws ShapeError for other axes; DataError where a file does not say which side is left, where a label's own name
///         says another side than the affine, where values are not finite, or where the atlas lies elsewhere than the scan
ALLOY_API BrainVolumes make_brain_volumes(const NiftiVolume& scan, const NiftiVolume& atlas, const std::vector<AtlasLabel>& labels,
                                          const PlaceOfLabel& place_of = place_of_aal, const BrainGridOptions& options = {});
/// The template `ch2better.nii.gz` and the atlas `aal.nii.gz` with `aal.nii.txt`, as Debian's `mricron-data` ships them.
/// @throws IoError that says the package where a file is missing; DataError
ALLOY_API BrainVolumes read_brain_template(const std::filesystem::path& folder = "/usr/share/mricron/templates",
                                           const BrainGridOptions& options = {});

}  // namespace alloy
