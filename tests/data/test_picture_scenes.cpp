// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alignment/boxes.hpp>
#include <alloy/data/scene_batch.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

using namespace alloy;

namespace {

/// A bright patch of its own size for each category, two pictures of each.
ScenePictures patches() {
  Tensor pictures = torch::zeros({20, 28, 28}, at::kByte);
  for (int64_t i = 0; i < 20; ++i) pictures[i].slice(0, 2, 10 + i / 2).slice(1, 4, 26 - i / 2).fill_(200);
  return make_scene_pictures(pictures, torch::arange(20).floor_divide(2));
}

std::pair<double, double> middle(const SceneObject& o) { return {(o.box[0] + o.box[2]) / 2, (o.box[1] + o.box[3]) / 2}; }

/// Whether a thing stands in a relation to another, by the words of the header.
bool stands(SceneRelation relation, const SceneObject& thing, const SceneObject& anchor) {
  const double dx = middle(thing).first - middle(anchor).first, dy = middle(thing).second - middle(anchor).second;
  switch (relation) {
    case SceneRelation::left_of:
      return -dx > std::abs(dy);
    case SceneRelation::right_of:
      return dx > std::abs(dy);
    case SceneRelation::above:
      return -dy > std::abs(dx);
    case SceneRelation::below:
      return dy > std::abs(dx);
    default:
      return false;
  }
}

std::string sentence(const SceneQuery& q) {
  std::string text;
  for (const std::string& word : q.words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

TEST_CASE("picture scenes say what is true, of one thing alone", "[data]") {
  const ScenePictures pictures = patches();
  const PictureSceneOptions options{.queries = 3};
  int64_t without_relation = 0, near = 0, pairs = 0, not_farthest = 0, directions = 0;
  constexpr int kScenes = 150;
  for (int n = 0; n < kScenes; ++n) {
    Random random(static_cast<uint64_t>(n));
    const PictureScene scene = make_picture_scene(pictures, options, random);
    REQUIRE(scene.queries.size() == 3);
    REQUIRE(std::ssize(scene.objects) >= options.fewest);
    REQUIRE(std::ssize(scene.objects) <= options.most);
    std::vector<float> corners;
    for (const SceneObject& o : scene.objects) {
      for (const double v : o.box) corners.push_back(static_cast<float>(v));
      CHECK((o.box[0] >= 0 && o.box[1] >= 0 && o.box[2] <= 96 && o.box[3] <= 96));
      CHECK(std::max(o.box[2] - o.box[0], o.box[3] - o.box[1]) <= options.largest + 1);
      CHECK(pictures.labels[o.picture].item<int64_t>() == o.category);
    }
    for (const SceneQuery& q : scene.queries) {
      INFO(sentence(q));
      const SceneObject& target = scene.objects[static_cast<size_t>(q.target)];
      CHECK(q.words.size() == q.roles.size());
      CHECK(q.words[1] == scene_color_names()[static_cast<size_t>(target.color)]);
      CHECK(q.words[2] == scene_category_names()[static_cast<size_t>(target.category)]);
      int64_t relatives = 0, same = 0;
      for (const SceneObject& o : scene.objects)
        relatives += o.category == target.category, same += o.category == target.category && o.color == target.color;
      CHECK(relatives >= 2);  // a distractor of the same category
      CHECK(same == std::ssize(q.twins) + 1);
      CHECK((q.relation == SceneRelation::none) == q.twins.empty());
      if (q.relation == SceneRelation::none) continue;
      const SceneObject& anchor = scene.objects[static_cast<size_t>(q.anchors[0])];
      for (const int64_t a : q.anchors) CHECK(scene.objects[static_cast<size_t>(a)].category == anchor.category);
      CHECK((sentence(q).find("two") != std::string::npos) == (q.anchors.size() == 2));
      pairs += q.anchors.size() == 2;
      const auto distance = [&](int64_t i) {
        const auto a = middle(scene.objects[static_cast<size_t>(i)]), b = middle(anchor);
        return std::hypot(a.first - b.first, a.second - b.second);
      };
      for (const int64_t twin : q.twins) {
        if (q.relation == SceneRelation::next_to) {
          CHECK(distance(q.target) < 0.7 * distance(twin));
        } else {
          bool all = true;
          for (const int64_t a : q.anchors)
            all = all && stands(q.relation, scene.objects[static_cast<size_t>(twin)], scene.objects[static_cast<size_t>(a)]);
          CHECK_FALSE(all);
        }
      }
      near += q.relation == SceneRelation::next_to;
      if (q.relation != SceneRelation::next_to)
        for (const int64_t a : q.anchors) CHECK(stands(q.relation, target, scene.objects[static_cast<size_t>(a)]));
    }
    for (const SceneQuery& q : scene.queries) {
      const auto kind = guessed_objects(scene, q, SceneGuess::category), alike = guessed_objects(scene, q, SceneGuess::category_and_color),
                 far = guessed_objects(scene, q, SceneGuess::farthest);
      CHECK(std::ranges::count(kind, q.target) == 1);
      CHECK(kind.size() >= 2);
      CHECK(alike.size() == q.twins.size() + 1);
      for (const int64_t i : alike) CHECK((i == q.target || std::ranges::count(q.twins, i) == 1));
      const bool direction = q.relation != SceneRelation::none && q.relation != SceneRelation::next_to;
      CHECK(far.size() == (direction ? 1 : alike.size()));
    }
    const SceneQuery& q = scene.queries[0];
    without_relation += q.relation == SceneRelation::none;
    if (q.relation != SceneRelation::none && q.relation != SceneRelation::next_to) {
      ++directions;
      const auto reach = [&](int64_t i) {
        const auto [x, y] = middle(scene.objects[static_cast<size_t>(i)]);
        return q.relation == SceneRelation::left_of ? -x : q.relation == SceneRelation::right_of ? x : q.relation == SceneRelation::above ? -y : y;
      };
      for (const int64_t twin : q.twins)
        if (reach(twin) > reach(q.target)) {
          ++not_farthest;
          break;
        }
    }
  }
  CHECK(without_relation > 0.05 * kScenes);
  CHECK(without_relation < 0.3 * kScenes);
  CHECK(near > 10);
  CHECK(pairs > 10);
  CHECK(not_farthest > 0.4 * static_cast<double>(directions));
}

TEST_CASE("in picture scenes the target is any of those that look alike", "[data]") {
  const ScenePictures pictures = patches();
  constexpr int kScenes = 60, kQueries = 32;
  double first = 0, outermost = 0, asked = 0, chance = 0;
  for (int n = 0; n < kScenes; ++n) {
    Random random(static_cast<uint64_t>(n));
    const PictureScene scene = make_picture_scene(pictures, {.queries = kQueries, .color_only = 0}, random);
    std::set<int64_t> meant;
    const auto from_middle = [&](int64_t i) {
      const auto [x, y] = middle(scene.objects[static_cast<size_t>(i)]);
      return std::hypot(x - 48, y - 48);
    };
    for (const SceneQuery& q : scene.queries) {
      meant.insert(q.target);
      first += q.target < std::ranges::min(q.twins);
      outermost += std::ranges::all_of(q.twins, [&](int64_t twin) { return from_middle(twin) < from_middle(q.target); });
      chance += 1.0 / static_cast<double>(q.twins.size() + 1);
      ++asked;
    }
    for (const SceneQuery& q : scene.queries)
      for (const int64_t twin : q.twins) CHECK(meant.contains(twin));  // 32 captions hardly miss one, and seeds are fixed
  }
  CHECK(std::abs(first - chance) < 0.05 * asked);  // nor does the order tell, nor the place
  CHECK(std::abs(outermost - chance) < 0.05 * asked);
}

TEST_CASE("picture scenes repeat with their seed and look as their boxes say", "[data]") {
  const ScenePictures pictures = patches();
  Random a(5), b(5), c(6), many(7);
  std::vector<PictureScene> scenes;
  double wanted = 0;
  for (int i = 0; i < 40; ++i) {
    scenes.push_back(make_picture_scene(pictures, {}, many));
    wanted += 1.0 / (1.0 + static_cast<double>(scenes.back().queries[0].twins.size())) / 40;
  }
  CHECK_THAT(guess_accuracy(scenes, SceneGuess::category_and_color), WithinAbs(wanted, 1e-9));
  CHECK(guess_accuracy(scenes, SceneGuess::category) <= wanted);
  CHECK(guess_accuracy(scenes, SceneGuess::farthest) < 0.75);
  CHECK_THROWS_AS(guess_accuracy({}, SceneGuess::category), DataError);
  const PictureScene one = make_picture_scene(pictures, {}, a), same = make_picture_scene(pictures, {}, b),
                     other = make_picture_scene(pictures, {}, c);
  CHECK_THAT(one.picture, SameBits(same.picture));
  CHECK(sentence(one.queries[0]) == sentence(same.queries[0]));
  CHECK_FALSE(at::equal(one.picture, other.picture));
  // the last thing lies on top: its middle has its colour, the background has none
  Random random(11);
  PictureSceneOptions options{.colors = 3};  // red, green, blue
  for (int i = 0; i < 20; ++i) {
    const PictureScene scene = make_picture_scene(pictures, options, random);
    const SceneObject& top = scene.objects.back();
    const Tensor pixel = scene.picture[static_cast<int64_t>(middle(top).second)][static_cast<int64_t>(middle(top).first)];
    CHECK(pixel.argmax().item<int64_t>() == top.color);
  }
}

TEST_CASE("candidate regions and batches of scenes", "[data]") {
  const ScenePictures pictures = patches();
  Random random(3);
  std::vector<PictureScene> scenes;
  std::vector<Tensor> regions;
  for (int i = 0; i < 12; ++i) {
    scenes.push_back(make_picture_scene(pictures, {.queries = 1 + i % 2}, random));
    regions.push_back(propose_regions(scenes.back(), {.clutter = 5}, random));
    std::vector<Tensor> truth;
    for (const SceneObject& o : scenes.back().objects) truth.push_back(torch::tensor({o.box[0], o.box[1], o.box[2], o.box[3]}));
    const Tensor iou = box_iou(regions.back(), torch::stack(truth));  // [R, things]
    REQUIRE(regions.back().size(0) == std::ssize(scenes.back().objects) + 5);
    CHECK(iou.ge(0.59).any(0).all().item<bool>());            // every thing has a candidate
    CHECK(iou.amax(1).lt(0.451).sum().item<int64_t>() == 5);  // and clutter is no candidate
    CHECK(regions.back().min().item<float>() >= 0);
    CHECK(regions.back().max().item<float>() <= 96);
  }
  const SceneBatch batch = collate_scenes(scenes, regions);
  const int64_t queries = 18;
  CHECK(batch.pictures.sizes() == at::IntArrayRef({12, 3, 96, 96}));
  CHECK(batch.pictures.abs().max().item<float>() <= 1);
  REQUIRE(batch.words.size(0) == queries);
  CHECK(batch.meant.any(2).equal(batch.speaks));
  CHECK_FALSE(batch.meant.logical_and(batch.region_mask.index_select(0, batch.scene_of).unsqueeze(1).logical_not()).any().item<bool>());
  for (int64_t q = 0; q < queries; ++q) {
    const int64_t p = batch.scene_of[q].item<int64_t>();
    const Tensor iou = box_iou(batch.boxes[p], batch.truth[q].unsqueeze(0)).squeeze(1).ge(0.5);
    for (int64_t w = 0; w < batch.words.size(1); ++w)
      if (batch.phrase[q][w].item<bool>()) CHECK(batch.meant[q][w].equal(iou));
  }
  const SceneBatch heads = collate_scenes(scenes, regions, CaptionPart::without_relation);
  CHECK(heads.words.sizes() == at::IntArrayRef({queries, 3}));
  CHECK_THAT(heads.words, SameBits(batch.words.slice(1, 0, 3).contiguous()));
  CHECK_THAT(heads.truth, SameBits(batch.truth));
  Random again(3);
  const SceneSet set = make_scenes(pictures, {}, {.clutter = 5}, 3, again);
  CHECK(set.size() == 3);
  CHECK_THAT(set.scenes[0].picture, SameBits(scenes[0].picture));
  CHECK_THAT(collate_scenes(set, 1, 9).boxes[1].slice(0, 0, set.regions[2].size(0)), SameBits(set.regions[2]));
  CHECK_THROWS_AS(collate_scenes(set, 3, 1), ShapeError);
  CHECK(scene_word_ids(std::vector<std::string>{"the", "boots"}).size() == 2);
  CHECK_THROWS_WITH(scene_word_ids(std::vector<std::string>{"the", "unicorn"}), ContainsSubstring("'unicorn'"));
  CHECK_THROWS_AS(collate_scenes({}, {}), ShapeError);
  CHECK_THROWS_AS(propose_regions(scenes[0], {.jitter = 0.5}, random), ConfigError);
  PictureScene tiny = scenes[0];
  tiny.picture = tiny.picture.slice(0, 0, 3).slice(1, 0, 3);
  for (SceneObject& o : tiny.objects) o.box = {0, 0, 3, 3};
  CHECK_THROWS_WITH(propose_regions(tiny, {.clutter = 1}, random), ContainsSubstring("room for clutter"));
}

TEST_CASE("picture scenes that are refused", "[data]") {
  const ScenePictures pictures = patches();
  Random random(1);
  CHECK_THROWS_AS(make_picture_scene(pictures, {.fewest = 3}, random), ConfigError);
  CHECK_THROWS_AS(make_picture_scene(pictures, {.smallest = 40, .largest = 60}, random), ConfigError);
  CHECK_THROWS_AS(make_picture_scene(pictures, {.categories = {1, 1, 2}}, random), ConfigError);
  CHECK_THROWS_AS(make_picture_scene(pictures, {.colors = 1}, random), ConfigError);
  CHECK_THROWS_WITH(make_picture_scene(pictures, {.side = 32, .fewest = 12, .most = 12, .smallest = 15, .largest = 16, .overlap = 0}, random),
                    ContainsSubstring("make the canvas larger"));
  CHECK_THROWS_AS(make_picture_scene(make_scene_pictures(pictures.pictures.slice(0, 0, 4), pictures.labels.slice(0, 0, 4)), {}, random), DataError);
  CHECK_THROWS_AS(make_picture_scene({}, {}, random), DataError);
  CHECK_THROWS_AS(make_scene_pictures(pictures.pictures, pictures.labels + 5), DataError);
  CHECK_THROWS_AS(make_scene_pictures(pictures.pictures.slice(1, 1), pictures.labels), ShapeError);
  CHECK_THROWS_WITH(load_scene_pictures(SceneSplit::train, "/nowhere"), ContainsSubstring("apt-get install dataset-fashion-mnist"));
}

TEST_CASE("scene pictures of Fashion-MNIST", "[data]") {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    WARN("not installed (package dataset-fashion-mnist): skipped");
    return;
  }
  const ScenePictures test = load_scene_pictures(SceneSplit::test);
  CHECK(test.pictures.sizes() == at::IntArrayRef({10000, 28, 28}));
  for (const auto& rows : test.rows) CHECK(rows.size() == 1000);
  Random random(1);
  CHECK(make_picture_scene(test, {}, random).picture.size(0) == 96);
}
