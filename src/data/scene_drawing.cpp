// SPDX-License-Identifier: Apache-2.0
#include "data/detail/scene_layout.hpp"

#include <alloy/preprocess/image.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

namespace alloy::detail {

namespace {

constexpr std::array<std::array<double, 3>, kSceneColors> kTints = {
    {{225, 45, 40}, {50, 165, 65}, {50, 85, 225}, {240, 205, 45}, {165, 60, 190}, {245, 245, 245}}};
constexpr uint8_t kInk = 24;  // what is darker in a picture is background

double shared(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  const double width = std::min(a[2], b[2]) - std::max(a[0], b[0]), height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  return width <= 0 || height <= 0 ? 0 : width * height;
}

double area(const std::array<double, 4>& box) { return (box[2] - box[0]) * (box[3] - box[1]); }

/// Whether a thing found a place.
bool place(SceneObject& object, const std::vector<SceneObject>& others, const Ink& ink, const PictureSceneOptions& o, Random& random) {
  constexpr int kTrials = 30;
  const double longer = random.uniform(o.smallest, o.largest), scale = longer / static_cast<double>(std::max(ink.width, ink.height));
  const double width = std::max(4.0, std::round(scale * static_cast<double>(ink.width))),
               height = std::max(4.0, std::round(scale * static_cast<double>(ink.height)));
  const auto start = [&](double extent) {
    return static_cast<double>(random.below(std::max<int64_t>(1, o.side - static_cast<int64_t>(extent) + 1)));
  };
  for (int trial = 0; trial < kTrials; ++trial) {
    const double x = start(width), y = start(height);
    object.box = {x, y, x + width, y + height};
    if (std::ranges::none_of(others, [&](const SceneObject& other) {
          return shared(object.box, other.box) > o.overlap * std::min(area(object.box), area(other.box));
        }))
      return true;
  }
  return false;
}

}  // namespace

Ink ink_of(const Tensor& picture) {
  const auto* v = picture.const_data_ptr<uint8_t>();
  const int64_t height = picture.size(0), width = picture.size(1);
  int64_t x0 = width, x1 = 0, y0 = height, y1 = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      if (v[y * width + x] >= kInk) x0 = std::min(x0, x), x1 = std::max(x1, x + 1), y0 = std::min(y0, y), y1 = std::max(y1, y + 1);
  return x1 > x0 ? Ink{x0, y0, x1 - x0, y1 - y0} : Ink{0, 0, width, height};
}

// Two twins, at times three; at times one of their category in another colour; one to three of a second category, of which captions can say
// `two`; others to fill up. The order is shuffled, so that neither order nor what lies on top tells who is asked for.
std::vector<SceneObject> draw_layout(const ScenePictures& pictures, const PictureSceneOptions& o, Random& random) {
  const auto category = [&] { return o.categories[static_cast<size_t>(random.below(static_cast<int64_t>(o.categories.size())))]; };
  const auto other_than = [&](int64_t taken) {
    int64_t c = category();
    while (c == taken) c = category();
    return c;
  };
  std::vector<std::pair<int64_t, int64_t>> kinds;  // category, colour
  const int64_t count = o.fewest + random.below(o.most - o.fewest + 1), twin = category(), tint = random.below(o.colors);
  for (int64_t i = 0, twins = random.chance(0.2) ? 3 : 2; i < twins; ++i) kinds.emplace_back(twin, tint);
  const auto more = [&](int64_t c, int64_t color) {
    if (static_cast<int64_t>(kinds.size()) < count) kinds.emplace_back(c, color);
  };
  const int64_t anchor = other_than(twin);
  const int64_t anchors = random.chance(0.5) ? 2 : 1;
  for (int64_t i = 0; i < anchors; ++i) more(anchor, random.below(o.colors));
  if (random.chance(0.5)) more(twin, (tint + 1 + random.below(o.colors - 1)) % o.colors);
  while (static_cast<int64_t>(kinds.size()) < count) more(other_than(twin), random.below(o.colors));

  std::vector<SceneObject> objects;
  for (const int64_t i : random.permutation(count)) {
    const auto [c, color] = kinds[static_cast<size_t>(i)];
    const auto& choice = pictures.rows[static_cast<size_t>(c)];
    SceneObject object{.category = c, .color = color, .picture = choice[static_cast<size_t>(random.below(static_cast<int64_t>(choice.size())))]};
    if (!place(object, objects, ink_of(pictures.pictures[object.picture]), o, random)) return {};
    objects.push_back(object);
  }
  return objects;
}

Tensor draw_objects(const ScenePictures& pictures, const std::vector<SceneObject>& objects, int64_t side, Random& random) {
  std::vector<double> canvas(static_cast<size_t>(side * side * 3));
  const double level = random.uniform(70, 130), down = random.uniform(-30, 30), right = random.uniform(-30, 30), warmth = random.uniform(-12, 12);
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      const double base = level + down * static_cast<double>(y) / static_cast<double>(side) +
                          right * static_cast<double>(x) / static_cast<double>(side) + random.uniform(-10, 10);
      for (int64_t c = 0; c < 3; ++c) canvas[static_cast<size_t>((y * side + x) * 3 + c)] = base + warmth * static_cast<double>(1 - c);
    }
  for (const SceneObject& object : objects) {
    const Tensor picture = pictures.pictures[object.picture];
    const Ink ink = ink_of(picture);
    const auto x0 = static_cast<int64_t>(object.box[0]), y0 = static_cast<int64_t>(object.box[1]);
    const auto width = static_cast<int64_t>(object.box[2]) - x0, height = static_cast<int64_t>(object.box[3]) - y0;
    Tensor scaled = resize_image(picture.slice(0, ink.y, ink.y + ink.height).slice(1, ink.x, ink.x + ink.width).unsqueeze(2).contiguous(),
                                 {height, width}, Interpolation::bilinear);
    if (random.chance(0.5)) scaled = scaled.flip({1}).contiguous();
    const auto* v = scaled.const_data_ptr<uint8_t>();
    std::array<double, 3> tint = kTints[static_cast<size_t>(object.color)];
    for (double& t : tint) t += random.uniform(-15, 15);
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const double value = v[y * width + x], cover = std::clamp(value / 48.0, 0.0, 1.0), light = 0.4 + 0.6 * value / 255;
        for (size_t c = 0; c < 3; ++c) {
          double& under = canvas[static_cast<size_t>(((y0 + y) * side + x0 + x) * 3) + c];
          under += cover * (tint[c] * light - under);
        }
      }
  }
  Tensor out = at::empty({side, side, 3}, at::kByte);
  std::ranges::transform(canvas, out.mutable_data_ptr<uint8_t>(),
                         [](double x) { return static_cast<uint8_t>(std::clamp(std::lround(x), 0L, 255L)); });
  return out;
}

}  // namespace alloy::detail
