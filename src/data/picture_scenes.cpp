// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/picture_scenes.hpp>

#include "data/detail/scene_layout.hpp"

#include <alloy/io/idx.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <map>
#include <set>

namespace alloy {

namespace {

constexpr std::array<std::string_view, kSceneCategories> kCategories = {"t-shirt", "trouser", "pullover", "dress", "coat",
                                                                        "sandal",  "shirt",   "sneaker",  "bag",   "boot"};
constexpr std::array<std::string_view, kSceneColors> kColors = {"red", "green", "blue", "yellow", "purple", "white"};
constexpr int64_t kPixels = 28;

std::vector<std::string> all_words() {
  std::vector<std::string> words = {"the", "two", "left", "right", "of", "above", "below", "next", "to"};
  words.insert(words.end(), kColors.begin(), kColors.end());
  for (const std::string_view name : kCategories) words.emplace_back(name), words.push_back(std::string(name) + (name.ends_with("s") ? "es" : "s"));
  return words;
}

Tensor read_file(const std::filesystem::path& folder, const std::string& name) {
  std::error_code ignored;
  check<IoError>(std::filesystem::exists(folder / name, ignored),
                 "[load_scene_pictures] expected Fashion-MNIST in {}, got no {}; install it: apt-get install dataset-fashion-mnist", {folder, name});
  return read_idx(folder / name);
}

using Captions = std::vector<const SceneQuery*>;
/// Things that look alike, each with the captions that mean it.
using Alike = std::map<int64_t, Captions>;

template <class T>
const T& one_of(const std::vector<T>& values, Random& random) {
  return values[static_cast<size_t>(random.below(std::ssize(values)))];
}

/// The groups of which every one can be meant, and one at least by a caption that misleads who does not look for the anchor. Of each thing
/// captions that do not are left only where there are no others.
std::vector<Alike> groups_of(const std::vector<SceneObject>& objects, const std::vector<SceneQuery>& queries) {
  std::map<int64_t, Alike> groups;  // by the first of those alike
  for (const SceneQuery& q : queries)
    if (q.relation != SceneRelation::none) groups[std::min(q.target, std::ranges::min(q.twins))][q.target].push_back(&q);
  const auto plain = [&](const SceneQuery* q) { return detail::is_farthest(objects, *q); };
  std::vector<Alike> out;
  for (auto& [first, alike] : groups) {
    if (alike.size() != 1 + alike.begin()->second[0]->twins.size()) continue;
    bool misleading = false;
    for (auto& [target, captions] : alike)
      if (!std::ranges::all_of(captions, plain)) misleading = true, std::erase_if(captions, plain);
    if (misleading) out.push_back(std::move(alike));
  }
  return out;
}

/// A caption about any of those that look alike. Relations before captions: else those with many anchors would prevail.
const SceneQuery& pick(const std::vector<Alike>& groups, Random& random) {
  const Alike& alike = one_of(groups, random);
  Captions fitting = std::next(alike.begin(), random.below(std::ssize(alike)))->second;
  const SceneRelation relation = one_of(fitting, random)->relation;
  std::erase_if(fitting, [&](const SceneQuery* q) { return q->relation != relation; });
  return *one_of(fitting, random);
}

}  // namespace

std::span<const std::string_view, kSceneCategories> scene_category_names() { return kCategories; }
std::span<const std::string_view, kSceneColors> scene_color_names() { return kColors; }

const std::vector<std::string>& scene_words() {
  static const std::vector<std::string> words = all_words();
  return words;
}

std::vector<int64_t> scene_word_ids(std::span<const std::string> words) {
  std::vector<int64_t> ids;
  for (const std::string& word : words) {
    const auto found = std::ranges::find(scene_words(), word);
    check<DataError>(found != scene_words().end(), "[scene_word_ids] expected words of scene_words(), got '{}'", {word});
    ids.push_back(found - scene_words().begin() + 1);
  }
  return ids;
}

void PictureSceneOptions::validate() const {
  const auto in = [](std::string_view name, double value, double least, double most_allowed) {
    check<ConfigError>(value >= least && value <= most_allowed, "[PictureScene] expected {} in {}..{}, got {}", {name, least, most_allowed, value});
  };
  in("side", static_cast<double>(side), 32, 1024);
  in("fewest", static_cast<double>(fewest), 4, 12);
  in("most", static_cast<double>(most), static_cast<double>(fewest), 12);
  in("smallest", smallest, 8, largest);
  in("largest", largest, smallest, static_cast<double>(side) / 2);
  in("overlap", overlap, 0, 0.9);
  in("queries", static_cast<double>(queries), 1, 32);
  in("color_only", color_only, 0, 1);
  in("colors", static_cast<double>(colors), 2, static_cast<double>(kSceneColors));
  const std::set<int64_t> distinct(categories.begin(), categories.end());
  check<ConfigError>(
      distinct.size() == categories.size() && categories.size() >= 3 && *distinct.begin() >= 0 && *distinct.rbegin() < kSceneCategories,
      "[PictureScene] expected at least three categories in 0..9 without repeats, got {}", {categories});
}

ScenePictures make_scene_pictures(const Tensor& pictures, const Tensor& labels) {
  constexpr auto kWhere = "make_scene_pictures";
  check_shape(pictures, {-1, kPixels, kPixels}, kWhere, "pictures");
  check_shape(labels, {pictures.size(0)}, kWhere, "labels");
  check<ShapeError>(pictures.scalar_type() == at::kByte, "[{}] expected pictures in uint8, got {}", {kWhere, pictures});
  ScenePictures out{
      .pictures = pictures.contiguous(), .labels = labels.to(at::kLong).contiguous(), .rows = std::vector<std::vector<int64_t>>(kSceneCategories)};
  for (int64_t i = 0; i < out.labels.size(0); ++i) {
    const int64_t label = out.labels.const_data_ptr<int64_t>()[i];
    check<DataError>(label >= 0 && label < kSceneCategories, "[{}] expected labels in 0..9, got {} in row {}", {kWhere, label, i});
    out.rows[static_cast<size_t>(label)].push_back(i);
  }
  return out;
}

ScenePictures load_scene_pictures(SceneSplit split, const std::filesystem::path& folder) {
  const std::string name = split == SceneSplit::train ? "train" : "t10k";
  const Tensor pictures = read_file(folder, name + "-images-idx3-ubyte.gz"), labels = read_file(folder, name + "-labels-idx1-ubyte.gz");
  check<DataError>(pictures.dim() == 3 && pictures.scalar_type() == at::kByte && pictures.size(1) == kPixels && pictures.size(2) == kPixels &&
                       labels.dim() == 1 && labels.size(0) == pictures.size(0),
                   "[load_scene_pictures] expected uint8 [N, 28, 28] and labels [N] in {}, got {} and {}", {folder, pictures, labels});
  return make_scene_pictures(pictures, labels);
}

PictureScene make_picture_scene(const ScenePictures& pictures, const PictureSceneOptions& options, Random& random) {
  constexpr int kTrials = 2000;
  options.validate();
  check<DataError>(std::ssize(pictures.rows) == kSceneCategories, "[make_picture_scene] expected pictures of make_scene_pictures, got others");
  for (const int64_t c : options.categories)
    check<DataError>(!pictures.rows[static_cast<size_t>(c)].empty(), "[make_picture_scene] expected pictures of every category, got no {}",
                     {kCategories[static_cast<size_t>(c)]});
  const bool by_color = random.chance(options.color_only);
  for (int trial = 0; trial < kTrials; ++trial) {
    PictureScene scene{.picture = {}, .objects = detail::draw_layout(pictures, options, random), .queries = {}};
    const std::vector<SceneQuery> queries = detail::clear_queries(scene.objects);
    Captions colors;
    for (const SceneQuery& q : queries)
      if (q.relation == SceneRelation::none) colors.push_back(&q);
    const std::vector<Alike> groups = groups_of(scene.objects, queries);
    if (by_color ? colors.empty() : groups.empty()) continue;
    while (std::ssize(scene.queries) < options.queries) scene.queries.push_back(by_color ? *one_of(colors, random) : pick(groups, random));
    scene.picture = detail::draw_objects(pictures, scene.objects, options.side, random);
    return scene;
  }
  fail<DataError>(
      "[make_picture_scene] expected room for {}..{} things of {}..{} pixels on {}, got none in {} trials; make the canvas larger or the things "
      "smaller",
      {options.fewest, options.most, options.smallest, options.largest, options.side, kTrials});
}

}  // namespace alloy
