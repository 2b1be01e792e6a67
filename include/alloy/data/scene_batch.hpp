// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Scenes with candidate boxes as the tensors that a grounding model is trained on.

#include <alloy/data/picture_scenes.hpp>

namespace alloy {

struct SceneRegionOptions {
  double jitter = 0.12;
  int64_t clutter = 6;
  static void describe(auto& self, auto&& field) {
    field("jitter", self.jitter, "0..0.3, a thing's box is moved and scaled by up to this share of its sides");
    field("clutter", self.clutter, "boxes of nothing in particular, 0..64: parts of things, things with what is around them, background");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Candidates as a detector would give them: for each thing a box with an IoU of at least 0.6 with its true one, and clutter, whose IoU with
/// every thing is below 0.45; in random order.
/// @return float [R, 4], inside the canvas, R = things + clutter
ALLOY_API Tensor propose_regions(const PictureScene& scene, const SceneRegionOptions& options, Random& random);

/// P scenes, Q captions in all.
struct SceneBatch {
  Tensor pictures;     ///< float [P, 3, side, side], about -1..1
  Tensor boxes;        ///< float [P, R, 4]; zeros where masked
  Tensor region_mask;  ///< bool [P, R]
  Tensor scene_of;     ///< int64 [Q]: the scene that a caption speaks of
  Tensor words;        ///< int64 [Q, W], ids of scene_word_ids; 0 = padding
  Tensor word_mask;    ///< bool [Q, W]
  Tensor speaks;       ///< bool [Q, W]: words that speak of something
  Tensor phrase;       ///< bool [Q, W]: words that speak of the target, those of the relation too
  Tensor meant;        ///< bool [Q, W, R]: regions with an IoU of at least 0.5 with what a word speaks of
  Tensor truth;        ///< float [Q, 4], the target's true box
};
enum class CaptionPart { whole, without_relation };

/// @param regions  of each scene, as propose_regions gives them
/// @param part     without_relation: captions end before the relation ("the red boot")
/// @throws ShapeError for no scenes, canvases of several sizes, or regions that do not fit
ALLOY_API SceneBatch collate_scenes(std::span<const PictureScene> scenes, std::span<const Tensor> regions, CaptionPart part = CaptionPart::whole);

/// Scenes with their candidate boxes.
struct SceneSet {
  std::vector<PictureScene> scenes;
  std::vector<Tensor> regions;
  int64_t size() const { return static_cast<int64_t>(scenes.size()); }
};
/// @throws as make_picture_scene and propose_regions
ALLOY_API SceneSet make_scenes(const ScenePictures& pictures, const PictureSceneOptions& scene, const SceneRegionOptions& region, int64_t count,
                               Random& random);
/// The scenes first .. first + count - 1, or as many as there are.
/// @throws ShapeError unless 0 <= first < size and count > 0
ALLOY_API SceneBatch collate_scenes(const SceneSet& set, int64_t first, int64_t count, CaptionPart part = CaptionPart::whole);

}  // namespace alloy
