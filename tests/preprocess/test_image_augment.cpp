// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/preprocess/image_augment.hpp>

#include <functional>
#include <set>

using namespace alloy;

namespace {

double mean_of(const Tensor& t) { return t.to(torch::kDouble).mean().item<double>(); }

}  // namespace

TEST_CASE("image augmentations share a contract", "[preprocess]") {
  using Augment = std::function<Tensor(const Tensor&, Random&)>;
  const std::vector<std::pair<std::string, Augment>> all = {
      {"random_crop", [](const Tensor& x, Random& r) { return random_crop(x, 4, r); }},
      {"random_horizontal_flip", [](const Tensor& x, Random& r) { return random_horizontal_flip(x, r); }},
      {"add_gaussian_noise", [](const Tensor& x, Random& r) { return add_gaussian_noise(x, 0.1, r); }},
      {"salt_and_pepper", [](const Tensor& x, Random& r) { return salt_and_pepper(x, 0.2, r); }},
      {"gaussian_blur", [](const Tensor& x, Random&) { return gaussian_blur(x, 2.5); }},
      {"scale_contrast", [](const Tensor& x, Random&) { return scale_contrast(x, 0.5); }},
      {"random_erasing", [](const Tensor& x, Random& r) { return random_erasing(x, {.probability = 1.0}, r); }},
  };
  for (const auto& [name, augment] : all) {
    CAPTURE(name);
    for (const std::vector<int64_t>& shape : {std::vector<int64_t>{3, 12, 17}, {1, 1, 1}, {1, 1, 40}}) {
      for (const auto dtype : {torch::kFloat, torch::kDouble}) {
        const Tensor image = torch::arange(1, 1 + c10::multiply_integers(shape), dtype).view(shape) / 1000;
        const Tensor before = image.clone();
        Random a(7), b(7);
        Tensor one = augment(image, a);
        CHECK(one.sizes() == shape);
        CHECK(one.scalar_type() == dtype);
        CHECK(one.isfinite().all().item<bool>());
        CHECK_THAT(augment(image, b), SameBits(one));
        one.fill_(-1);  // the result is nobody else's memory
        CHECK_THAT(image, SameBits(before));
      }
    }
    Random random(1);
    CHECK_THROWS_WITH(augment(torch::zeros({12, 17}), random), ContainsSubstring("[" + name + "] expected a floating image [C, H, W]"));
    CHECK_THROWS_AS(augment(torch::zeros({3, 4, 4}, torch::kByte), random), ShapeError);
    CHECK_THROWS_AS(augment(torch::zeros({3, 0, 4}), random), ShapeError);
    CHECK_THROWS_AS(augment(Tensor(), random), ShapeError);
  }
}

TEST_CASE("random_crop", "[preprocess]") {
  // A single bright pixel in the middle shows the shift; every shift up to the padding must turn up.
  Tensor image = torch::zeros({1, 9, 9});
  image.index_put_({0, 4, 4}, 1);
  Random random(3);
  std::set<int64_t> places;
  for (int i = 0; i < 600; ++i) {
    const Tensor moved = random_crop(image, 2, random);
    REQUIRE(moved.sum().item<float>() == 1.0f);
    places.insert(moved.argmax().item<int64_t>());
  }
  CHECK(places.size() == 25);
  CHECK(*places.begin() == 2 * 9 + 2);
  CHECK(*places.rbegin() == 6 * 9 + 6);
  CHECK_THAT(random_crop(image, 0, random), SameBits(image));
  CHECK_THROWS_AS(random_crop(image, -1, random), ConfigError);
}

TEST_CASE("random_horizontal_flip", "[preprocess]") {
  const Tensor image = torch::arange(6.f).view({1, 2, 3});
  Random random(4);
  CHECK_THAT(random_horizontal_flip(image, random, 1.0), SameBits(torch::tensor({{{2.f, 1.f, 0.f}, {5.f, 4.f, 3.f}}})));
  CHECK_THAT(random_horizontal_flip(image, random, 0.0), SameBits(image));
  int flips = 0;
  for (int i = 0; i < 1000; ++i) flips += random_horizontal_flip(image, random)[0][0][0].item<float>() == 2.0f;
  CHECK((flips > 420 && flips < 580));
  CHECK_THROWS_AS(random_horizontal_flip(image, random, 1.5), ConfigError);
}

TEST_CASE("image noises have the strength asked for", "[preprocess]") {
  Random random(5);
  const Tensor grey = torch::full({3, 100, 100}, 0.5);
  SECTION("gaussian") {
    const Tensor noise = add_gaussian_noise(grey, 0.2, random) - grey;
    CHECK_THAT(mean_of(noise), WithinAbs(0.0, 0.005));
    CHECK_THAT(noise.std().item<double>(), WithinRel(0.2, 0.02));
    CHECK_THAT(add_gaussian_noise(grey, 0.0, random), SameBits(grey));
    CHECK_THROWS_AS(add_gaussian_noise(grey, -0.1, random), ConfigError);
  }
  SECTION("salt and pepper, all channels of a pixel together") {
    const Tensor spoilt = salt_and_pepper(grey, 0.3, random);
    CHECK_THAT(mean_of(spoilt == 1), WithinAbs(0.15, 0.012));
    CHECK_THAT(mean_of(spoilt == 0), WithinAbs(0.15, 0.012));
    CHECK_THAT(spoilt[0], SameBits(spoilt[2]));
    CHECK_THAT(salt_and_pepper(grey, 0.0, random), SameBits(grey));
    CHECK_FALSE((salt_and_pepper(grey, 1.0, random) == 0.5).any().item<bool>());
    CHECK_THROWS_AS(salt_and_pepper(grey, 1.1, random), ConfigError);
  }
}

TEST_CASE("gaussian_blur equals scipy", "[preprocess]") {
  const Tensor image = torch::tensor({{{0.0, 0.0, 1.0, 0.0}, {0.5, 0.0, 0.0, 0.0}, {0.0, 0.0, 0.0, 0.25}}}, torch::kDouble);
  const Tensor expected = torch::tensor({{{0.1019617, 0.1998212, 0.3776295, 0.1753194},  // tests/fixtures/make_gaussian_blur.py
                                          {0.1923584, 0.121129, 0.1462799, 0.1042963},
                                          {0.0861133, 0.0379045, 0.0606551, 0.1455302}}}, torch::kDouble);
  CHECK_THAT(gaussian_blur(image, 0.8), AllClose(expected, 1e-7));
  CHECK_THAT(gaussian_blur(image, 0.0), SameBits(image));
  CHECK_THAT(gaussian_blur(torch::full({2, 5, 5}, 0.7), 50.0), AllClose(torch::full({2, 5, 5}, 0.7), 1e-5));
  CHECK_THROWS_AS(gaussian_blur(image, NAN), ConfigError);
}

TEST_CASE("scale_contrast", "[preprocess]") {
  const Tensor image = torch::tensor({{{0.2f, 0.6f}}, {{1.0f, 1.0f}}});
  CHECK_THAT(scale_contrast(image, 0.5), AllClose(torch::tensor({{{0.3f, 0.5f}}, {{1.0f, 1.0f}}})));
  CHECK_THAT(scale_contrast(image, 1.0), SameBits(image));
  CHECK_THROWS_AS(scale_contrast(image, -0.5), ConfigError);
}

TEST_CASE("random_erasing", "[preprocess]") {
  Random random(6);
  const Tensor image = torch::full({3, 40, 50}, 0.5);
  SECTION("erases one rectangle of the area and aspect asked for") {
    const RandomErasingOptions options{.probability = 1.0, .min_area = 0.1, .max_area = 0.3, .min_aspect = 0.5, .fill = ErasingFill::value, .value = 2.0};
    for (int i = 0; i < 100; ++i) {
      const Tensor hit = random_erasing(image, options, random) == 2.0;
      REQUIRE(torch::equal(hit[0], hit[2]));
      const int64_t area = hit[0].sum().item<int64_t>(), h = hit[0].any(1).sum().item<int64_t>(), w = hit[0].any(0).sum().item<int64_t>();
      REQUIRE(area == h * w);
      REQUIRE(area > 0.09 * 2000);
      REQUIRE(area < 0.32 * 2000);
      const double aspect = static_cast<double>(h) / static_cast<double>(w);
      REQUIRE(aspect > 0.45);
      REQUIRE(aspect < 2.2);
    }
  }
  SECTION("noise differs from value to value and stays in 0..1") {
    const Tensor hit = random_erasing(image, {.probability = 1.0}, random);
    CHECK((hit.min().item<float>() >= 0 && hit.max().item<float>() <= 1));
    CHECK_FALSE(torch::equal(hit[0], hit[1]));
  }
  SECTION("respects its probability") {
    int erased = 0;
    for (int i = 0; i < 300; ++i) erased += !torch::equal(random_erasing(image, {.probability = 0.25}, random), image);
    CHECK((erased > 45 && erased < 105));
  }
  SECTION("checks its options") {
    CHECK_THROWS_AS(random_erasing(image, {.probability = 2}, random), ConfigError);
    CHECK_THROWS_AS(random_erasing(image, {.min_area = 0.5}, random), ConfigError);
    CHECK_THROWS_AS(random_erasing(image, {.min_aspect = 0}, random), ConfigError);
  }
}
