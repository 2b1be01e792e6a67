// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Steps of making a scene: what is where, what can be asked of it, how it looks.

#include <alloy/data/picture_scenes.hpp>

namespace alloy::detail {

/// Width and height of a thing's own pixels, and where they are in its picture.
struct Ink {
  int64_t x = 0, y = 0, width = 0, height = 0;
};
Ink ink_of(const Tensor& picture);

/// A layout without pictures drawn; empty if things found no room.
std::vector<SceneObject> draw_layout(const ScenePictures& pictures, const PictureSceneOptions& options, Random& random);
/// Everything that can be asked of a layout with one clear answer.
std::vector<SceneQuery> clear_queries(const std::vector<SceneObject>& objects);
/// Whether the target is also the one among its twins that lies farthest in the direction of the relation; true without a direction.
bool is_farthest(const std::vector<SceneObject>& objects, const SceneQuery& query);
/// uint8 [side, side, 3]
Tensor draw_objects(const ScenePictures& pictures, const std::vector<SceneObject>& objects, int64_t side, Random& random);

}  // namespace alloy::detail
