// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/scene_batch.hpp>

#include <alloy/preprocess/image.hpp>
#include <alloy/preprocess/token_batch.hpp>

#include <ATen/Functions.h>

#include <algorithm>

namespace alloy {

namespace {

constexpr double kMost = 0.45, kLeast = 0.6, kAgrees = 0.5;  // IoU of clutter, of candidates, and of what counts as right

using Box = std::array<double, 4>;

double iou(const Box& a, const Box& b) {
  const double width = std::min(a[2], b[2]) - std::max(a[0], b[0]), height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  return width * height / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height);
}

Box clipped(const Box& b, double side) {
  return {std::clamp(b[0], 0.0, side), std::clamp(b[1], 0.0, side), std::clamp(b[2], 0.0, side), std::clamp(b[3], 0.0, side)};
}

/// A box whose edges are moved by shares of its sides: `shift` together, `stretch` apart.
Box moved(const Box& b, double shift, double stretch, double side, Random& random) {
  const double width = b[2] - b[0], height = b[3] - b[1];
  const double dx = width * random.uniform(-shift, shift), dy = height * random.uniform(-shift, shift);
  const double wider = 0.5 * width * random.uniform(-stretch, stretch), higher = 0.5 * height * random.uniform(-stretch, stretch);
  return clipped({b[0] + dx - wider, b[1] + dy - higher, b[2] + dx + wider, b[3] + dy + higher}, side);
}

Box candidate(const Box& truth, double jitter, double side, Random& random) {
  constexpr int kTrials = 50;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Box box = moved(truth, jitter, 2 * jitter, side, random);
    if (iou(box, truth) >= kLeast) return box;
  }
  return truth;
}

Box clutter(const std::vector<SceneObject>& objects, double side, Random& random) {
  constexpr int kTrials = 10'000;
  Box box{};
  for (int trial = 0; trial < kTrials; ++trial) {
    const Box& near = objects[static_cast<size_t>(random.below(std::ssize(objects)))].box;
    box = random.chance(0.6) ? moved(near, 0.7, 0.8, side, random) : [&] {
      const double x = random.uniform(0, 0.85 * side), y = random.uniform(0, 0.85 * side);
      return clipped({x, y, x + random.uniform(0.1, 0.4) * side, y + random.uniform(0.1, 0.4) * side}, side);
    }();
    const bool has_area = box[2] - box[0] >= 4 && box[3] - box[1] >= 4;
    if (has_area && std::ranges::none_of(objects, [&](const SceneObject& o) { return iou(box, o.box) >= kMost; })) return box;
  }
  fail<DataError>("[propose_regions] expected room for clutter of 4 pixels a side beside {} things on {}, got none in {} trials",
                  {objects.size(), side, kTrials});
}

Tensor as_tensor(const std::vector<Box>& boxes) {
  Tensor out = at::empty({std::ssize(boxes), 4}, at::kFloat);
  auto* to = out.mutable_data_ptr<float>();
  for (const Box& box : boxes)
    for (const double v : box) *to++ = static_cast<float>(v);
  return out;
}

std::vector<int64_t> spoken_of(const SceneQuery& query, WordRole role) {
  if (role == WordRole::nothing) return {};
  return role == WordRole::anchor ? query.anchors : std::vector<int64_t>{query.target};
}

/// Sets the flag of each candidate that agrees with a thing.
void mark_agreeing(const Box& thing, const std::vector<Box>& candidates, bool* flags) {
  for (size_t r = 0; r < candidates.size(); ++r)
    if (iou(thing, candidates[r]) >= kAgrees) flags[r] = true;
}

std::vector<Box> as_boxes(const Tensor& boxes) {
  const Tensor values = boxes.to(at::kDouble).contiguous();
  std::vector<Box> out;
  for (const double* v = values.const_data_ptr<double>(); std::ssize(out) < values.size(0); v += 4) out.push_back({v[0], v[1], v[2], v[3]});
  return out;
}

}  // namespace

void SceneRegionOptions::validate() const {
  check<ConfigError>(jitter >= 0 && jitter <= 0.3 && clutter >= 0 && clutter <= 64,
                     "[propose_regions] expected jitter in 0..0.3 and clutter in 0..64, got {} and {}", {jitter, clutter});
}

Tensor propose_regions(const PictureScene& scene, const SceneRegionOptions& options, Random& random) {
  options.validate();
  check_shape(scene.picture, {-1, -1, 3}, "propose_regions", "picture of the scene");
  check<DataError>(!scene.objects.empty(), "[propose_regions] expected a scene with things in it, got none");
  const auto side = static_cast<double>(scene.picture.size(0));
  std::vector<Box> boxes;
  for (const SceneObject& object : scene.objects) boxes.push_back(candidate(object.box, options.jitter, side, random));
  for (int64_t i = 0; i < options.clutter; ++i) boxes.push_back(clutter(scene.objects, side, random));
  const std::vector<int64_t> order = random.permutation(std::ssize(boxes));
  return as_tensor(boxes).index_select(0, at::tensor(order, at::kLong));
}

SceneBatch collate_scenes(std::span<const PictureScene> scenes, std::span<const Tensor> regions, CaptionPart part) {
  constexpr auto kWhere = "collate_scenes";
  check<ShapeError>(!scenes.empty() && scenes.size() == regions.size(), "[{}] expected scenes with regions each, got {} and {}",
                    {kWhere, scenes.size(), regions.size()});
  const int64_t side = scenes[0].picture.size(0);
  int64_t most = 0;
  std::vector<Tensor> pictures;
  std::vector<std::vector<int64_t>> ids;
  std::vector<int64_t> owners;
  std::vector<const SceneQuery*> queries;
  std::vector<std::vector<Box>> candidates;
  for (size_t p = 0; p < scenes.size(); ++p) {
    check_shape(scenes[p].picture, {side, side, 3}, kWhere, "pictures of one size");
    check_shape(regions[p], {-1, 4}, kWhere, "regions");
    most = std::max(most, regions[p].size(0));
    pictures.push_back(image_to_tensor(scenes[p].picture));
    candidates.push_back(as_boxes(regions[p]));
    for (const SceneQuery& query : scenes[p].queries) {
      queries.push_back(&query);
      owners.push_back(static_cast<int64_t>(p));
      std::vector<int64_t> words = scene_word_ids(query.words);
      if (part == CaptionPart::without_relation)
        words.resize(static_cast<size_t>(std::ranges::find(query.roles, WordRole::relation) - query.roles.begin()));
      ids.push_back(std::move(words));
    }
  }
  const auto [words, word_mask] = pad_token_rows(ids, 0);
  const int64_t count = std::ssize(queries), length = words.size(1);
  SceneBatch out{.pictures = 2 * at::stack(pictures) - 1,
                 .boxes = at::zeros({std::ssize(scenes), most, 4}, at::kFloat),
                 .region_mask = at::zeros({std::ssize(scenes), most}, at::kBool),
                 .scene_of = at::tensor(owners, at::kLong),
                 .words = words,
                 .word_mask = word_mask,
                 .speaks = at::zeros({count, length}, at::kBool),
                 .phrase = at::zeros({count, length}, at::kBool),
                 .meant = at::zeros({count, length, most}, at::kBool),
                 .truth = {}};
  for (size_t p = 0; p < scenes.size(); ++p) {
    const int64_t n = regions[p].size(0);
    out.boxes[static_cast<int64_t>(p)].slice(0, 0, n).copy_(regions[p]);
    out.region_mask[static_cast<int64_t>(p)].slice(0, 0, n).fill_(true);
  }
  std::vector<Box> truth;
  bool *meant = out.meant.data_ptr<bool>(), *speaks = out.speaks.data_ptr<bool>(), *phrase = out.phrase.data_ptr<bool>();
  for (int64_t q = 0; q < count; ++q) {
    const SceneQuery& query = *queries[static_cast<size_t>(q)];
    const auto p = static_cast<size_t>(owners[static_cast<size_t>(q)]);
    const auto& objects = scenes[p].objects;
    truth.push_back(objects[static_cast<size_t>(query.target)].box);
    for (int64_t w = 0; w < std::ssize(ids[static_cast<size_t>(q)]); ++w, ++speaks, ++phrase, meant += most) {
      const WordRole role = query.roles[static_cast<size_t>(w)];
      for (const int64_t thing : spoken_of(query, role)) mark_agreeing(objects[static_cast<size_t>(thing)].box, candidates[p], meant);
      *speaks = role != WordRole::nothing;
      *phrase = role == WordRole::target || role == WordRole::relation;
    }
    const int64_t rest = length - std::ssize(ids[static_cast<size_t>(q)]);
    speaks += rest, phrase += rest, meant += rest * most;
  }
  out.truth = as_tensor(truth);
  return out;
}

SceneSet make_scenes(const ScenePictures& pictures, const PictureSceneOptions& scene, const SceneRegionOptions& region, int64_t count,
                     Random& random) {
  SceneSet out;
  for (int64_t i = 0; i < count; ++i) {
    out.scenes.push_back(make_picture_scene(pictures, scene, random));
    out.regions.push_back(propose_regions(out.scenes.back(), region, random));
  }
  return out;
}

SceneBatch collate_scenes(const SceneSet& set, int64_t first, int64_t count, CaptionPart part) {
  check<ShapeError>(first >= 0 && first < set.size() && count > 0, "[collate_scenes] expected scenes of 0..{}, got {} from {} on",
                    {set.size() - 1, count, first});
  const auto begin = static_cast<size_t>(first), length = static_cast<size_t>(std::min(count, set.size() - first));
  return collate_scenes(std::span(set.scenes).subspan(begin, length), std::span(set.regions).subspan(begin, length), part);
}

}  // namespace alloy
