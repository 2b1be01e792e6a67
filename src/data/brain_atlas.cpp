// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/brain_atlas.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

namespace alloy {

namespace {

constexpr std::array<std::string_view, kBrainRegions> kRegionNames{"frontal lobe", "parietal lobe",    "temporal lobe", "occipital lobe",
                                                                   "insula",       "deep grey matter", "cerebellum"};
struct Prefix {
  std::string_view text;
  BrainRegion region;
};
constexpr auto kAal = std::to_array<Prefix>({{"Precentral", BrainRegion::frontal},
                                             {"Frontal", BrainRegion::frontal},
                                             {"Rolandic_Oper", BrainRegion::frontal},
                                             {"Supp_Motor_Area", BrainRegion::frontal},
                                             {"Olfactory", BrainRegion::frontal},
                                             {"Rectus", BrainRegion::frontal},
                                             {"Postcentral", BrainRegion::parietal},
                                             {"Parietal", BrainRegion::parietal},
                                             {"SupraMarginal", BrainRegion::parietal},
                                             {"Angular", BrainRegion::parietal},
                                             {"Precuneus", BrainRegion::parietal},
                                             {"Paracentral_Lobule", BrainRegion::parietal},
                                             {"Temporal", BrainRegion::temporal},
                                             {"Heschl", BrainRegion::temporal},
                                             {"Fusiform", BrainRegion::temporal},
                                             {"Hippocampus", BrainRegion::temporal},
                                             {"ParaHippocampal", BrainRegion::temporal},
                                             {"Amygdala", BrainRegion::temporal},
                                             {"Occipital", BrainRegion::occipital},
                                             {"Calcarine", BrainRegion::occipital},
                                             {"Cuneus", BrainRegion::occipital},
                                             {"Lingual", BrainRegion::occipital},
                                             {"Insula", BrainRegion::insula},
                                             {"Caudate", BrainRegion::deep_grey},
                                             {"Putamen", BrainRegion::deep_grey},
                                             {"Pallidum", BrainRegion::deep_grey},
                                             {"Thalamus", BrainRegion::deep_grey},
                                             {"Cerebelum", BrainRegion::cerebellum}});

constexpr auto kWhere = "make_brain_volumes";

/// A volume as floats [K, J, I], and its affine.
struct Field {
  const NiftiHeader& header;
  Tensor values;  // owns what `data` points to
  std::array<int64_t, 3> sizes{};
  const float* data = nullptr;

  Field(const NiftiVolume& volume, std::string_view which) : header(volume.header) {
    Tensor v = volume.values;
    while (v.dim() > 3 && v.size(-1) == 1) v = v.squeeze(-1);
    check<ShapeError>(v.dim() == 3, "[{}] expected the {} of three axes, got {}", {kWhere, which, volume.values});
    check<DataError>(header.placement != NiftiPlacement::none,
                     "[{}] expected the {} to say where its voxels lie (a qform or sform), got neither: left and right are not known",
                     {kWhere, which});
    values = v.permute({2, 1, 0}).to(at::kFloat).contiguous();
    check<DataError>(values.isfinite().all().item<bool>(), "[{}] expected finite values in the {}, got NaN or infinity", {kWhere, which});
    for (int64_t axis = 0; axis < 3; ++axis) sizes[static_cast<size_t>(axis)] = v.size(axis);
    data = values.const_data_ptr<float>();
  }
  float nearest(const Point3& mm) const {
    const Point3 v = header.to_voxel(mm);
    std::array<int64_t, 3> at{};
    for (size_t axis = 0; axis < 3; ++axis) {
      if (!(v[axis] > -0.5 && v[axis] < static_cast<double>(sizes[axis]) - 0.5)) return 0;
      at[axis] = std::clamp<int64_t>(std::llround(v[axis]), 0, sizes[axis] - 1);
    }
    return data[(at[2] * sizes[1] + at[1]) * sizes[0] + at[0]];
  }
};

/// Means of values and of x, by label.
struct LabelPlaces {
  std::map<int64_t, std::pair<int64_t, double>> count_and_x;
  Point3 low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
};

LabelPlaces survey(const Field& atlas) {
  LabelPlaces found;
  for (int64_t k = 0; k < atlas.sizes[2]; ++k)
    for (int64_t j = 0; j < atlas.sizes[1]; ++j)
      for (int64_t i = 0; i < atlas.sizes[0]; ++i) {
        const float value = atlas.data[(k * atlas.sizes[1] + j) * atlas.sizes[0] + i];
        if (value == 0) continue;
        check<DataError>(value == std::floor(value) && value > 0 && value < 1e6F, "[{}] expected labels as whole numbers in the atlas, got {}",
                         {kWhere, value});
        const Point3 mm = atlas.header.to_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        auto& [count, x] = found.count_and_x[static_cast<int64_t>(value)];
        ++count, x += mm[0];
        for (size_t axis = 0; axis < 3; ++axis)
          found.low[axis] = std::min(found.low[axis], mm[axis]), found.high[axis] = std::max(found.high[axis], mm[axis]);
      }
  check<DataError>(!found.count_and_x.empty(), "[{}] expected labels in the atlas, got zeros alone", {kWhere});
  return found;
}

/// 1 + place_index by label; labels without a place are left out.
std::map<int64_t, uint8_t> places_by_label(const LabelPlaces& found, const std::vector<AtlasLabel>& labels, const PlaceOfLabel& place_of) {
  std::map<int64_t, uint8_t> places;
  for (const AtlasLabel& label : labels) {
    const auto place = place_of(label.name);
    const auto seen = found.count_and_x.find(label.value);
    if (!place || seen == found.count_and_x.end()) continue;
    const double x = seen->second.second / static_cast<double>(seen->second.first);
    check<DataError>((x < 0) == (place->side == BodySide::left),
                     "[{}] expected {} on its own side, got it at x = {} mm (right is above 0): the affine or the table is mirrored",
                     {kWhere, label.name, x});
    places[label.value] = static_cast<uint8_t>(1 + place_index(*place));
  }
  check<DataError>(!places.empty(), "[{}] expected a label of the atlas with a known region, got none among {} labels", {kWhere, labels.size()});
  return places;
}

/// @return the value that `share` of those above 0 are below
double quantile_above_zero(const Tensor& values, double share) {
  const Tensor above = values.masked_select(values.gt(0));
  check<DataError>(above.numel() > 0, "[{}] expected the scan where the atlas is, got zeros there: they are not in one space", {kWhere});
  const auto rank = std::clamp<int64_t>(static_cast<int64_t>(share * static_cast<double>(above.numel())), 1, above.numel());
  return std::get<0>(above.kthvalue(rank)).item<double>();
}

}  // namespace

std::string place_name(const BrainPlace& place) {
  return (place.side == BodySide::left ? "left " : "right ") + std::string(kRegionNames.at(static_cast<size_t>(place.region)));
}

std::optional<BrainPlace> place_of_aal(std::string_view label) {
  const bool left = label.ends_with("_L");
  if (!left && !label.ends_with("_R")) return std::nullopt;
  for (const Prefix& prefix : kAal)
    if (label.starts_with(prefix.text)) return BrainPlace{prefix.region, left ? BodySide::left : BodySide::right};
  return std::nullopt;
}

void BrainGridOptions::validate() const {
  check<ConfigError>(step_mm >= 0.5 && step_mm <= 10, "[BrainGrid] expected step_mm in 0.5..10, got {}", {step_mm});
  check<ConfigError>(margin_mm >= 0 && margin_mm <= 100, "[BrainGrid] expected margin_mm in 0..100, got {}", {margin_mm});
}

BrainVolumes make_brain_volumes(const NiftiVolume& scan, const NiftiVolume& atlas, const std::vector<AtlasLabel>& labels,
                                const PlaceOfLabel& place_of, const BrainGridOptions& options) {
  options.validate();
  const Field head(scan, "scan"), map(atlas, "atlas");
  const LabelPlaces found = survey(map);
  const auto places = places_by_label(found, labels, place_of);

  std::array<int64_t, 3> sizes{};
  BrainVolumes volumes{.intensity = {}, .places = {}, .step_mm = options.step_mm};
  for (size_t axis = 0; axis < 3; ++axis) {
    volumes.origin_mm[axis] = found.low[axis] - options.margin_mm;
    const double cells = (found.high[axis] - found.low[axis] + 2 * options.margin_mm) / options.step_mm;
    check<DataError>(cells < 2000, "[{}] expected an atlas of less than {} mm a side, got {}",
                     {kWhere, 2000 * options.step_mm, cells * options.step_mm});
    sizes[axis] = static_cast<int64_t>(std::ceil(cells)) + 1;
  }
  check<DataError>(sizes[0] * sizes[1] * sizes[2] <= (int64_t{1} << 27), "[{}] expected at most 2^27 cells of {} mm, got {} x {} x {}",
                   {kWhere, options.step_mm, sizes[0], sizes[1], sizes[2]});
  volumes.intensity = at::empty({sizes[2], sizes[1], sizes[0]}, at::kFloat);
  volumes.places = at::zeros({sizes[2], sizes[1], sizes[0]}, at::kByte);
  auto* intensity = volumes.intensity.mutable_data_ptr<float>();
  auto* place = volumes.places.mutable_data_ptr<uint8_t>();
  for (int64_t z = 0; z < sizes[2]; ++z)
    for (int64_t y = 0; y < sizes[1]; ++y)
      for (int64_t x = 0; x < sizes[0]; ++x, ++intensity, ++place) {
        const Point3 mm{volumes.origin_mm[0] + options.step_mm * static_cast<double>(x),
                        volumes.origin_mm[1] + options.step_mm * static_cast<double>(y),
                        volumes.origin_mm[2] + options.step_mm * static_cast<double>(z)};
        const double quarter = options.step_mm / 4;
        float sum = 0;
        for (int corner = 0; corner < 8; ++corner)
          sum += head.nearest(
              {mm[0] + (corner & 1 ? quarter : -quarter), mm[1] + (corner & 2 ? quarter : -quarter), mm[2] + (corner & 4 ? quarter : -quarter)});
        *intensity = sum / 8;
        if (const auto known = places.find(static_cast<int64_t>(map.nearest(mm))); known != places.end()) *place = known->second;
      }
  const double bright = quantile_above_zero(volumes.intensity.masked_select(volumes.places.gt(0)), 0.99);
  volumes.intensity.div_(bright);
  return volumes;
}

BrainVolumes read_brain_template(const std::filesystem::path& folder, const BrainGridOptions& options) {
  for (const char* name : {"ch2better.nii.gz", "aal.nii.gz", "aal.nii.txt"}) {
    std::error_code ignored;
    check<IoError>(std::filesystem::exists(folder / name, ignored),
                   "[read_brain_template] expected {}, got no such file; install it with: apt-get install mricron-data", {folder / name});
  }
  return make_brain_volumes(read_nifti(folder / "ch2better.nii.gz"), read_nifti(folder / "aal.nii.gz"), read_label_table(folder / "aal.nii.txt"),
                            place_of_aal, options);
}

}  // namespace alloy
