// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Regions of pictures as vectors that know what they show, where they are and what is around them: a small convolutional map,
/// `roi_align`, and blocks in which every region looks at all others and at where they lie as seen from it. Each of that can be left out.

#include <alloy/alignment/grounding.hpp>
#include <alloy/layers/linear.hpp>
#include <alloy/layers/mlp.hpp>
#include <alloy/layers/residual_conv.hpp>
#include <alloy/layers/torch_layers.hpp>

namespace alloy {

struct RegionRelationOptions {
  int64_t dim = 128;
  int64_t hidden_dim = 128;
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of the regions, > 0");
    field("hidden_dim", self.hidden_dim, "width of what one region tells another, > 0");
  }
  ALLOY_API void validate() const;
};

/// y_i = x_i + out(sum over j != i of gate(g_ij) * (a x_j + b x_i)), then an MLP: a relation network (Santoro et al. 2017, eq. 1) a region. g_ij says
/// how box j lies as seen from box i, and the gate, an MLP of it, lets through what region j tells where it lies so: "a bag, to the right".
class ALLOY_API RegionRelationImpl final : public torch::nn::Module {
 public:
  using Options = RegionRelationOptions;
  static constexpr auto kName = "region_relation";
  explicit RegionRelationImpl(RegionRelationOptions options);
  /// @param x [B, R, dim] @param geometry  [B, R, R, kBoxGeometry], see box_geometry @param mask  bool [B, R]: others count for nothing
  Tensor forward(const Tensor& x, const Tensor& geometry, const Tensor& mask);
  const RegionRelationOptions& options() const { return options_; }

 private:
  RegionRelationOptions options_;
  std::shared_ptr<torch::nn::LayerNormImpl> norm1_, norm2_;
  Linear other_, self_, out_;
  Mlp gate_, mlp_;
};
using RegionRelation = Holder<RegionRelationImpl>;

/// What a region is seen in: a map of the whole picture (Fast R-CNN, Girshick 2015), whose cells tell what lies around a box too and, by the zeros of
/// its padding, where the border is; or its box alone, cut out before any convolution (R-CNN, Girshick et al. 2014).
enum class RegionView { picture, box };
constexpr auto enum_names(RegionView) {
  return std::to_array<std::pair<RegionView, std::string_view>>({{RegionView::picture, "picture"}, {RegionView::box, "box"}});
}

/// How box j lies as seen from box i: differences of the middles in units of the picture, their direction as a unit vector, their
/// distance, its square root, and the logarithms of the ratios of the sides.
inline constexpr int64_t kBoxGeometry = 8;
/// @param boxes  [B, R, 4] in pixels @return [B, R, R, kBoxGeometry]
ALLOY_API Tensor box_geometry(const Tensor& boxes, PictureSize size);

struct RegionEncoderOptions {
  int64_t channels = 3;
  std::vector<int64_t> widths = {24, 48};
  int64_t stem_stride = 2;
  int64_t groups = 8;
  int64_t bins = 6;
  int64_t dim = 128;
  int64_t relation_layers = 2;
  bool places = true;
  RegionView view = RegionView::picture;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the picture, > 0");
    field("widths", self.widths, "channels of each stage of the map; all but the first halve height and width");
    field("stem_stride", self.stem_stride, "of the first convolution, 1 or 2");
    field("groups", self.groups, "groups of group norm; each width is a multiple of it");
    field("bins", self.bins, "a side of what roi_align gives, 1..64");
    field("dim", self.dim, "width of the regions, > 0");
    field("relation_layers", self.relation_layers, "blocks in which regions look at each other, >= 0");
    field("places", self.places, "whether a region knows where its box is in the picture");
    field("view", self.view, "picture: a region is seen with what is around it; box: alone");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API RegionEncoderImpl final : public torch::nn::Module {
 public:
  using Options = RegionEncoderOptions;
  static constexpr auto kName = "region_encoder";
  explicit RegionEncoderImpl(RegionEncoderOptions options);
  /// What masked boxes hold changes nothing.
  /// @param pictures  [B, channels, H, W] @param boxes  [B, R, 4] in pixels @param mask  bool [B, R]; undefined = all real
  /// @return values [B, R, dim], zeros where masked; boxes and mask as given
  RegionFeatures forward(const Tensor& pictures, const Tensor& boxes, const Tensor& mask = {});
  const RegionEncoderOptions& options() const { return options_; }

 private:
  /// Features of what each box shows. [B * R, widths.back(), bins, bins]
  Tensor looked_at(const Tensor& pictures, const Tensor& boxes);

  RegionEncoderOptions options_;
  ResidualConv map_;
  Linear look_, place_{nullptr};
  std::shared_ptr<torch::nn::LayerNormImpl> norm_;
  std::vector<RegionRelation> relations_;
};
using RegionEncoder = Holder<RegionEncoderImpl>;

}  // namespace alloy
