// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Scenes to learn pointing on: pictures of things (Fashion-MNIST; Xiao et al. 2017), tinted, scaled and laid over each other on a canvas,
/// with captions such as "the red boot left of two bags". Every caption means one thing and has a distractor of the same category, in most
/// captions one of the same colour too, so that only the relation tells them apart. The pictures are real, the scenes are composed.

#include <alloy/core/options.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/tensor.hpp>

#include <array>
#include <span>

namespace alloy {

inline constexpr int64_t kSceneCategories = 10;
/// As captions name them, in the order of Fashion-MNIST's labels: t-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, boot.
ALLOY_API std::span<const std::string_view, kSceneCategories> scene_category_names();
inline constexpr int64_t kSceneColors = 6;
/// red, green, blue, yellow, purple, white
ALLOY_API std::span<const std::string_view, kSceneColors> scene_color_names();

/// Of the middle of a thing as seen from that of another, the anchor: in the quarter of the plane around that direction; next to: nearer
/// to the anchor than what is confused with it. What is close to a border between two answers is never asked.
enum class SceneRelation { none, left_of, right_of, above, below, next_to };
constexpr auto enum_names(SceneRelation) {
  return std::to_array<std::pair<SceneRelation, std::string_view>>({{SceneRelation::none, "none"},
                                                                    {SceneRelation::left_of, "left of"},
                                                                    {SceneRelation::right_of, "right of"},
                                                                    {SceneRelation::above, "above"},
                                                                    {SceneRelation::below, "below"},
                                                                    {SceneRelation::next_to, "next to"}});
}

/// What a word of a caption speaks of. `of`, `the` and the like speak of nothing; the words of a relation speak of the target.
enum class WordRole { nothing, target, relation, anchor };

struct SceneObject {
  int64_t category = 0;            ///< index into scene_category_names()
  int64_t color = 0;               ///< index into scene_color_names()
  int64_t picture = 0;             ///< its row among the pictures
  std::array<double, 4> box = {};  ///< x1, y1, x2, y2 in pixels of the canvas, tight around it; others may lie on top
};

struct SceneQuery {
  std::vector<std::string> words;                ///< the caption
  std::vector<WordRole> roles;                   ///< of each word
  SceneRelation relation = SceneRelation::none;  ///< none: the colour tells
  int64_t target = 0;                            ///< index into the scene's objects
  std::vector<int64_t> anchors = {};             ///< one, or two ("left of two bags")
  std::vector<int64_t> twins = {};               ///< what category and colour cannot tell from the target; empty without a relation
};

struct PictureScene {
  Tensor picture;  ///< uint8 [side, side, 3]
  std::vector<SceneObject> objects;
  std::vector<SceneQuery> queries;
};

struct PictureSceneOptions {
  int64_t side = 96;
  int64_t fewest = 5;
  int64_t most = 7;
  double smallest = 20;
  double largest = 34;
  double overlap = 0.3;
  int64_t queries = 1;
  double color_only = 0.15;
  std::vector<int64_t> categories = {0, 1, 3, 4, 5, 7, 8, 9};
  int64_t colors = kSceneColors;
  static void describe(auto& self, auto&& field) {
    field("side", self.side, "of the canvas in pixels, 32..1024");
    field("fewest", self.fewest, "things in a scene at least, 4..12");
    field("most", self.most, "things in a scene at most, fewest..12");
    field("smallest", self.smallest, "longer side of a thing in pixels, at least, >= 8");
    field("largest", self.largest, "longer side of a thing in pixels, at most, up to half of `side`");
    field("overlap", self.overlap, "0..0.9, most of the smaller of two boxes that they share");
    field("queries", self.queries, "captions a scene, 1..32, some of which may be the same");
    field("color_only", self.color_only, "0..1, share of the captions without a relation");
    field("categories", self.categories, "labels of Fashion-MNIST that are shown, at least three, no repeats");
    field("colors", self.colors, "the first so many colours, 2..6");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

enum class SceneSplit { train, test };

/// Pictures to compose scenes of; see make_scene_pictures.
struct ScenePictures {
  Tensor pictures;                         ///< uint8 [N, 28, 28], a bright thing on black
  Tensor labels;                           ///< int64 [N], 0..9
  std::vector<std::vector<int64_t>> rows;  ///< of each category
};
/// @throws ShapeError; DataError for labels outside 0..9
ALLOY_API ScenePictures make_scene_pictures(const Tensor& pictures, const Tensor& labels);
/// Fashion-MNIST's training pictures, or its test pictures: no picture is in both.
/// @param folder  of the four files of the package dataset-fashion-mnist
/// @throws IoError with the cure if they are not there; DataError if they are damaged
ALLOY_API ScenePictures load_scene_pictures(SceneSplit split, const std::filesystem::path& folder = "/usr/share/datasets/fashion-mnist");

/// Captions with a relation are about groups of things that look alike, in which each is as likely the target as the others: where they lie tells
/// nothing without the relation. About half of those captions or more mislead who does not look for the anchor: in the direction that they name the
/// target is not the farthest of its group. Captions without a relation have scenes of their own, since they would prevail among many.
/// The same pictures, options and state of `random` give the same scene.
/// @throws DataError if a category has no picture, or if the options leave no room for a scene
ALLOY_API PictureScene make_picture_scene(const ScenePictures& pictures, const PictureSceneOptions& options, Random& random);

/// What somebody goes by who knows less than the caption says: the kind of thing; kind and colour, which is all but the relation; or the
/// direction too, but not from where (the farthest to the left for "left of two bags"; kind and colour where there is no direction).
enum class SceneGuess { category, category_and_color, farthest };
/// The things of the scene that such a guess cannot tell apart, the target or not: one of them at random is the best it can do.
ALLOY_API std::vector<int64_t> guessed_objects(const PictureScene& scene, const SceneQuery& query, SceneGuess guess);

/// How often such a guess points at the target of the first caption of a scene, 0..1. @throws DataError without scenes or captions
ALLOY_API double guess_accuracy(std::span<const PictureScene> scenes, SceneGuess guess);

/// All words that captions may hold, in the order of their ids: the id of scene_words()[i] is i + 1; 0 is padding.
ALLOY_API const std::vector<std::string>& scene_words();
/// @throws DataError naming a word that is not among them
ALLOY_API std::vector<int64_t> scene_word_ids(std::span<const std::string> words);

}  // namespace alloy
