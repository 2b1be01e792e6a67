// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/json.hpp>
#include <alloy/preprocess/image.hpp>

#include <fstream>

using namespace alloy;

namespace {

// The same noise as in make_image_resize.py.
Tensor noise_image(int64_t height, int64_t width, int64_t channels) {
  Tensor image = torch::empty({height, width, channels}, torch::kByte);
  uint8_t* out = image.data_ptr<uint8_t>();
  for (uint32_t y = 0; y < height; ++y)
    for (uint32_t x = 0; x < width; ++x)
      for (uint32_t c = 0; c < channels; ++c)
        *out++ = static_cast<uint8_t>((((x * 73856093U) ^ (y * 19349663U) ^ (c * 83492791U)) * 2654435761U) >> 24);
  return image;
}

std::string digest(const Tensor& image) {
  uint64_t value = 0xCBF29CE484222325;
  const Tensor bytes = image.contiguous();
  for (int64_t i = 0; i < bytes.numel(); ++i) value = (value ^ bytes.const_data_ptr<uint8_t>()[i]) * 0x100000001B3;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

Tensor to_bytes(const Tensor& image) {  // [C, H, W] in 0..1 to uint8 [H, W, C]
  return (image * 255).round().to(torch::kByte).permute({1, 2, 0}).contiguous();
}

}  // namespace

TEST_CASE("images equal Pillow's pixel for pixel", "[preprocess]") {
  std::ifstream file(fixture("image_resize.txt"));
  REQUIRE(file);
  std::string mode, filter, expected;
  int64_t height = 0, width = 0, new_height = 0, new_width = 0, cases = 0;
  while (file >> mode >> filter >> height >> width >> new_height >> new_width >> expected) {
    CAPTURE(mode, filter, height, width, new_height, new_width);
    ++cases;
    const Tensor image = noise_image(height, width, mode == "L" ? 1 : 3);
    if (mode == "convert") {
      CHECK(digest(convert_channels(image, 1)) == expected);
    } else if (mode == "transform") {
      const ImageTransform transform({.size = new_height, .shorter_side = 40, .mean = {0.0}, .std = {1.0}});
      CHECK(digest(to_bytes(transform(image))) == expected);
    } else {
      CHECK(digest(resize_image(image, {new_height, new_width}, enum_from_name<Interpolation>(filter))) == expected);
    }
  }
  CHECK(cases == 2 * 4 * 12 + 1 + 3);
}

TEST_CASE("resize_image", "[preprocess]") {
  SECTION("a hand-computed reduction rounds half up") {
    const Tensor image = torch::tensor({0, 10, 21, 255}, torch::kByte).view({1, 4, 1});
    CHECK_THAT(resize_image(image, {1, 2}, Interpolation::box).view({2}), SameBits(torch::tensor({5, 138}, torch::kByte)));
  }
  SECTION("reads views and leaves its input alone") {
    const Tensor image = noise_image(20, 30, 3);
    const Tensor before = image.clone();
    const Tensor view = image.transpose(0, 1);  // [30, 20, 3], not contiguous
    CHECK_THAT(resize_image(view, {10, 10}), SameBits(resize_image(view.contiguous(), {10, 10})));
    Tensor same = resize_image(image, {20, 30});
    same.zero_();
    CHECK_THAT(image, SameBits(before));
  }
  SECTION("says what it expects") {
    CHECK_THROWS_WITH(resize_image(torch::zeros({3, 8, 8}), {4, 4}), ContainsSubstring("uint8 [H, W, 1 or 3]") && ContainsSubstring("float32 [3, 8, 8]"));
    CHECK_THROWS_AS(resize_image(noise_image(4, 4, 4), {4, 4}), ShapeError);
    CHECK_THROWS_AS(resize_image(torch::empty({0, 4, 3}, torch::kByte), {4, 4}), ShapeError);
    CHECK_THROWS_AS(resize_image(Tensor(), {4, 4}), ShapeError);
    CHECK_THROWS_WITH(resize_image(noise_image(4, 4, 1), {0, 4}), ContainsSubstring("sides in 1..65536, got 0 x 4"));
    CHECK_THROWS_AS(resize_image(noise_image(4, 4, 1), {4, 65537}), ConfigError);
  }
}

TEST_CASE("parts of the image pipeline", "[preprocess]") {
  SECTION("fit_shorter_side rounds the longer side down") {
    const auto fit = [](ImageSize size, int64_t side) {
      const ImageSize result = fit_shorter_side(size, side);
      return std::pair(result.height, result.width);
    };
    CHECK(fit({480, 640}, 224) == std::pair<int64_t, int64_t>(224, 298));  // 298.67
    CHECK(fit({640, 480}, 224) == std::pair<int64_t, int64_t>(298, 224));
    CHECK(fit({7, 7}, 3) == std::pair<int64_t, int64_t>(3, 3));
    CHECK_THROWS_AS(fit_shorter_side({0, 4}, 3), ConfigError);
  }
  SECTION("image_to_tensor puts channels first, in 0..1") {
    const Tensor image = torch::tensor({0, 51, 255, 102, 0, 0}, torch::kByte).view({1, 2, 3});
    CHECK_THAT(image_to_tensor(image), AllClose(torch::tensor({0.f, 0.4f, 0.2f, 0.f, 1.f, 0.f}).view({3, 1, 2})));
    CHECK(image_to_tensor(image).is_contiguous());
    CHECK_THROWS_AS(image_to_tensor(torch::zeros({2, 2, 3})), ShapeError);
  }
  SECTION("center_crop cuts the middle and pads with zeros") {
    const Tensor image = torch::arange(1, 21).view({1, 4, 5});
    CHECK_THAT(center_crop(image, {2, 2}), SameBits(torch::tensor({{{7, 8}, {12, 13}}})));
    CHECK_THAT(center_crop(torch::tensor({{{1, 2, 3}}}), {2, 6}),  // as the published processors: the wider margin first
               SameBits(torch::tensor({{{0, 0, 0, 0, 0, 0}, {0, 0, 1, 2, 3, 0}}})));
    CHECK_THROWS_AS(center_crop(image[0], {2, 2}), ShapeError);
  }
  SECTION("normalise_image works by channel") {
    const Tensor image = torch::tensor({1.f, 0.5f, 0.25f}).view({3, 1, 1});
    CHECK_THAT(normalise_image(image, {0.5, 0.5, 0.0}, {0.25, 1.0, 0.5}), AllClose(torch::tensor({2.f, 0.f, 0.5f}).view({3, 1, 1})));
    CHECK_THAT(normalise_image(image, {0.5}, {0.5}), AllClose(torch::tensor({1.f, 0.f, -0.5f}).view({3, 1, 1})));
    CHECK_THROWS_WITH(normalise_image(image, {0.5, 0.5}, {0.5}), ContainsSubstring("1 or 3 numbers of mean and of std, got 2 and 1"));
    CHECK_THROWS_AS(normalise_image(image, {0.5}, {0.0}), ConfigError);
    CHECK_THROWS_AS(normalise_image(image.to(torch::kInt), {0.5}, {1.0}), ShapeError);
  }
}

TEST_CASE("ImageTransform", "[preprocess]") {
  SECTION("equals its steps done on the whole image") {
    const Tensor image = noise_image(50, 83, 3);
    const ImageTransform transform({.size = 24, .shorter_side = 30, .interpolation = Interpolation::lanczos, .mean = {0.1, 0.2, 0.3}, .std = {1.0, 0.5, 0.25}});
    const Tensor scaled = image_to_tensor(resize_image(image, fit_shorter_side({50, 83}, 30), Interpolation::lanczos));
    CHECK_THAT(transform(image), SameBits(normalise_image(center_crop(scaled, {24, 24}), {0.1, 0.2, 0.3}, {1.0, 0.5, 0.25})));
  }
  SECTION("squash keeps the whole image") {
    const ImageTransform transform({.size = 8, .resize = ResizeMode::squash, .mean = {0.0}, .std = {1.0}});
    CHECK_THAT(transform(noise_image(9, 40, 3)), SameBits(image_to_tensor(resize_image(noise_image(9, 40, 3), {8, 8}))));
  }
  SECTION("channels are converted") {
    CHECK_THAT(ImageTransform({.size = 4, .channels = 3})(noise_image(6, 6, 1))[2], SameBits(ImageTransform({.size = 4, .channels = 1})(noise_image(6, 6, 1))[0]));
    CHECK(ImageTransform({.size = 4, .channels = 1})(noise_image(6, 6, 3)).sizes() == at::IntArrayRef{1, 4, 4});
  }
  SECTION("transparency shows the background, or is ignored") {
    const Tensor rgba = noise_image(12, 12, 3);
    Tensor alpha = torch::full({12, 12, 1}, 255, torch::kByte);
    alpha.slice(0, 0, 6).zero_();
    const Tensor image = torch::cat({rgba, alpha}, 2);
    const auto read = [&](const std::vector<double>& background, const Tensor& x) {
      return ImageTransform({.size = 12, .mean = {0.0}, .std = {1.0}, .background = background})(x);
    };
    const Tensor whole = image_to_tensor(rgba);
    CHECK_THAT(read({}, image), SameBits(whole));
    CHECK_THAT(read({0.2, 0.4, 0.6}, image).slice(1, 6), SameBits(whole.slice(1, 6)));
    CHECK_THAT(read({0.2, 0.4, 0.6}, image).slice(1, 0, 6), AllClose(torch::tensor({0.2f, 0.4f, 0.6f}).view({3, 1, 1}).expand({3, 6, 12}).contiguous(), 1e-6));
    CHECK_THAT(ImageTransform({.size = 12, .mean = {0.0}, .std = {1.0}})(image).slice(1, 0, 6), SameBits(torch::ones({3, 6, 12})));  // white by default
    const Tensor gray_alpha = torch::cat({rgba.narrow(2, 0, 1), alpha}, 2);
    CHECK_THAT(read({0.2, 0.4, 0.6}, gray_alpha), AllClose(torch::where(alpha.permute({2, 0, 1}) > 0, whole.narrow(0, 0, 1), read({0.2, 0.4, 0.6}, image))));
    const ImageTransform gray({.size = 12, .channels = 1, .mean = {0.0}, .std = {1.0}, .background = {0.0}});
    CHECK_THAT(gray(image).slice(1, 6), SameBits(image_to_tensor(convert_channels(rgba, 1)).slice(1, 6)));
    CHECK(gray(image).slice(1, 0, 6).max().item<float>() == 0.f);
    // scaled: as if colours had been mixed before, so that what is hidden does not shine through
    Tensor hidden = torch::zeros({8, 8, 4}, torch::kByte);
    hidden.select(2, 1).fill_(255);
    hidden.slice(0, 2, 6).copy_(torch::full({4, 8, 4}, 255, torch::kByte));
    CHECK_THAT(ImageTransform({.size = 4, .mean = {0.0}, .std = {1.0}})(hidden), SameBits(torch::ones({3, 4, 4})));
  }
  SECTION("extreme shapes cost no more than their crop") {
    CHECK(ImageTransform()(noise_image(1, 10'000, 3)).sizes() == at::IntArrayRef{3, 224, 224});
    CHECK(ImageTransform()(noise_image(10'000, 1, 1)).isfinite().all().item<bool>());
  }
  SECTION("the number of threads changes nothing") {
    const Tensor image = noise_image(200, 150, 3);
    const int before = at::get_num_threads();
    at::set_num_threads(1);
    const Tensor one = ImageTransform()(image);
    at::set_num_threads(2);
    CHECK_THAT(ImageTransform()(image), SameBits(one));
    at::set_num_threads(before);
  }
  SECTION("options are checked and survive a config") {
    CHECK_THROWS_WITH(ImageTransform({.size = 0}), ContainsSubstring("size in 1..65536, got 0"));
    CHECK_THROWS_WITH(ImageTransform({.shorter_side = 200}), ContainsSubstring("got 200"));
    CHECK_THROWS_WITH(ImageTransform({.channels = 4}), ContainsSubstring("channels 1 or 3, got 4"));
    CHECK_THROWS_AS(ImageTransform({.mean = {0.1, 0.2}}), ConfigError);
    CHECK_THROWS_AS(ImageTransform({.std = {-1.0}}), ConfigError);
    CHECK_THROWS_AS(ImageTransform({.mean = {NAN}}), ConfigError);
    CHECK_THROWS_WITH(ImageTransform({.background = {1.0, 0.5}}), ContainsSubstring("0, 1 or 3 numbers of background, got 2"));
    CHECK_THROWS_AS(ImageTransform({.background = {255.0}}), ConfigError);
    CHECK_THROWS_WITH(ImageTransform()(torch::zeros({2, 2, 5}, torch::kByte)), ContainsSubstring("uint8 [H, W, 1..4]"));
    const ImageTransformOptions options{.size = 32, .resize = ResizeMode::squash, .interpolation = Interpolation::box, .std = {0.2, 0.3, 0.4}};
    CHECK(to_config(from_config<ImageTransformOptions>(parse_json(to_json(to_config(options)), "t"))) == to_config(options));
  }
}
