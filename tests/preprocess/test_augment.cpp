// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/json.hpp>
#include <alloy/preprocess/augment.hpp>
#include <alloy/preprocess/image_affine.hpp>
#include <alloy/preprocess/waveform.hpp>

#include <map>

using namespace alloy;

namespace {

Tensor noise_image(int64_t height, int64_t width, int64_t channels) {
  Random random(11);
  Tensor image = torch::empty({height, width, channels}, torch::kByte);
  for (int64_t i = 0; i < image.numel(); ++i) image.data_ptr<uint8_t>()[i] = static_cast<uint8_t>(random.below(256));
  return image;
}
/// Red in the middle, transparent green around it.
Tensor red_disc() {
  Tensor image = torch::zeros({40, 40, 4}, torch::kByte);
  image.select(2, 1).fill_(255);
  const Tensor middle = image.slice(0, 10, 30).slice(1, 10, 30);
  middle.copy_(torch::tensor({255, 0, 0, 255}).to(torch::kByte).view({1, 1, 4}).expand({20, 20, 4}));
  return image;
}

}  // namespace

TEST_CASE("augment_image", "[preprocess]") {
  const ImageTransform plain({.size = 16, .mean = {0.0}, .std = {1.0}});
  Random random(1);
  SECTION("the defaults give what the transform gives") {
    for (const int64_t channels : {1, 2, 3, 4}) {
      const Tensor image = noise_image(20, 27, channels);
      CHECK_THAT(augment_image(image, plain, {}, random), SameBits(plain(image)));
    }
  }
  SECTION("every field changes something, and the same seed the same") {
    const Tensor image = red_disc();
    const Tensor clean = plain(image);
    const std::map<std::string, ImageAugmentOptions> fields = {
        {"flip", {.flip = 1}},          {"rotation", {.rotation = 30}},     {"shift", {.shift = 0.3}},           {"scale", {.scale = 0.5}},
        {"shear", {.shear = 30}},       {"background", {.background = 1}},  {"brightness", {.brightness = 0.5}}, {"contrast", {.contrast = 0.5}},
        {"saturation", {.saturation = 0.9}}, {"hue", {.hue = 0.3}},         {"blur", {.blur = 50}},               {"noise", {.noise = 0.2}},
        {"erase", {.erase = 1}}};
    CHECK(fields.size() == option_infos<ImageAugmentOptions>().size());
    for (const auto& [name, options] : fields) {
      INFO(name);
      Random a(3), b(3);
      const Tensor one = augment_image(image, plain, options, a);
      CHECK(one.sizes() == at::IntArrayRef({3, 16, 16}));
      CHECK_THAT(augment_image(image, plain, options, b), SameBits(one));
      if (name == "flip") continue;  // the disc is symmetric
      CHECK_FALSE(at::allclose(one, clean, 1e-3, 1e-3));
    }
    const Tensor picture = noise_image(16, 16, 3);
    CHECK_THAT(augment_image(picture, plain, {.flip = 1}, random), SameBits(plain(picture).flip(2)));
  }
  SECTION("what is transparent, and what comes in from outside, shows the background") {
    const ImageTransform blue({.size = 16, .mean = {0.0}, .std = {1.0}, .background = {0.0, 0.0, 1.0}});
    const Tensor moved = augment_image(red_disc(), blue, {.rotation = 20, .shift = 0.1}, random);
    CHECK(moved[1].abs().max().item<float>() <= 1.5f / 255);  // the hidden green never bleeds in, and red and blue mix
    CHECK_THAT(moved[0] + moved[2], AllClose(torch::ones({16, 16}), 3.0 / 255));
    const Tensor opaque = torch::full({30, 30, 3}, 255, torch::kByte);
    const Tensor turned = augment_image(opaque, blue, {.shift = 1}, random);
    CHECK_THAT(turned[2], AllClose(torch::ones({16, 16}), 1e-5));
    CHECK(turned[0].min().item<float>() < 0.01f);
  }
  SECTION("random backgrounds differ, and the picture on them stays") {
    const Tensor a = augment_image(red_disc(), plain, {.background = 1}, random), b = augment_image(red_disc(), plain, {.background = 1}, random);
    CHECK(std::abs(a[1][0][0].item<float>() - b[1][0][0].item<float>()) > 1e-3f);
    CHECK_THAT(a.slice(1, 6, 10).slice(2, 6, 10), AllClose(plain(red_disc()).slice(1, 6, 10).slice(2, 6, 10), 1e-5));
    int random_ones = 0;
    for (int i = 0; i < 200; ++i) random_ones += augment_image(red_disc(), plain, {.background = 0.3}, random)[1][0][0].item<float>() < 0.999f;
    CHECK((random_ones > 35 && random_ones < 85));
  }
  SECTION("a grey picture gets a coloured background") {
    Tensor gray = torch::zeros({20, 20, 2}, torch::kByte);
    const Tensor out = augment_image(gray, plain, {.background = 1}, random);
    CHECK((out[0] - out[1]).abs().max().item<float>() > 0.01f);
  }
  SECTION("a transform that ignores transparency goes on to") {
    const ImageTransform ignoring({.size = 16, .mean = {0.0}, .std = {1.0}, .background = {}});
    CHECK_THAT(augment_image(red_disc(), ignoring, {.background = 1}, random), SameBits(ignoring(red_disc())));
    CHECK(augment_image(red_disc(), ignoring, {.rotation = 1}, random)[1][8][1].item<float>() > 0.9f);
  }
  SECTION("moving a large picture gives about what moving the whole gives") {
    const Tensor image = resize_image(noise_image(8, 8, 3), {400, 400});
    const ImageTransform small({.size = 16, .resize = ResizeMode::squash, .mean = {0.0}, .std = {1.0}});
    Random a(9), b(9);
    const Tensor fast = augment_image(image, small, {.rotation = 40}, a);
    const Tensor whole = random_affine(image_to_tensor(image), {.rotation = 40, .fill = {1.0}}, b);
    const Tensor slow = small((whole * 255).round().to(torch::kByte).permute({1, 2, 0}).contiguous());
    CHECK((fast - slow).abs().mean().item<float>() < 0.01f);
  }
  SECTION("extreme shapes") {
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 5000}, {5000, 1}, {1, 1}})
      CHECK(augment_image(noise_image(height, width, 4), plain, {.rotation = 30, .background = 1, .blur = 1}, random).isfinite().all().item<bool>());
  }
  SECTION("options are checked and survive a config") {
    const auto refused = [&](const ImageAugmentOptions& options) { CHECK_THROWS_AS(augment_image(red_disc(), plain, options, random), ConfigError); };
    refused({.flip = 1.1}), refused({.rotation = 181}), refused({.shift = 2}), refused({.scale = 100}), refused({.shear = 85}), refused({.background = -1});
    refused({.brightness = -1}), refused({.hue = 1}), refused({.blur = -1}), refused({.noise = INFINITY}), refused({.erase = NAN});
    CHECK_THROWS_AS(augment_image(torch::zeros({3, 4, 4}), plain, {}, random), ShapeError);
    CHECK_THROWS_WITH(from_config<ImageAugmentOptions>(parse_json(R"({"rotate": 5})", "t"), "/augment"), ContainsSubstring("/augment/rotate: unknown option, known: flip, rotation"));
    const ImageAugmentOptions options{.rotation = 12, .hue = 0.1};
    CHECK(to_config(from_config<ImageAugmentOptions>(to_config(options))) == to_config(options));
  }
}

TEST_CASE("augment_waveform", "[preprocess]") {
  const Tensor wave = torch::sin(torch::arange(800, torch::kFloat) * 0.1f);
  Random random(2);
  SECTION("the defaults change nothing") { CHECK_THAT(augment_waveform(wave, 8000, {}, random), SameBits(wave)); }
  SECTION("speed reads between samples") {
    const Tensor line = torch::arange(100.f);
    for (int i = 0; i < 20; ++i) {
      const Tensor out = augment_waveform(line, 8000, {.speed = 0.5}, random);
      REQUIRE(out.sizes() == line.sizes());
      const double factor = out[1].item<double>();
      REQUIRE((factor >= 0.5 && factor < 1.5));
      const auto inside = static_cast<int64_t>(99 / factor);  // what comes after is silence
      REQUIRE(at::allclose(out.slice(0, 0, inside), torch::arange(std::min<int64_t>(inside, 100)) * factor, 1e-4, 1e-3));
      if (factor > 1.1) REQUIRE(out.slice(0, inside + 3).abs().max().item<float>() == 0.f);
    }
  }
  SECTION("shift moves by up to what is asked for, both ways") {
    Tensor click = torch::zeros({100});
    click[50] = 1;
    int64_t least = 100, most = 0;
    for (int i = 0; i < 300; ++i) {
      const Tensor out = augment_waveform(click, 1000, {.shift_seconds = 0.02}, random);
      REQUIRE(out.sum().item<float>() == 1.f);
      const int64_t place = out.argmax().item<int64_t>();
      least = std::min(least, place), most = std::max(most, place);
    }
    CHECK((least == 30 && most == 70));
    CHECK(augment_waveform(click, 1000, {.shift_seconds = 3600}, random).sizes() == click.sizes());
  }
  SECTION("noise has the ratio asked for") {
    const Tensor noise = augment_waveform(wave, 8000, {.noise = 1, .min_snr_db = 10, .max_snr_db = 10}, random) - wave;
    CHECK_THAT((wave.square().mean() / noise.square().mean()).item<double>(), WithinRel(10.0, 1e-3));
  }
  SECTION("gain is even in decibel") {
    double least = 100, most = -100;
    for (int i = 0; i < 200; ++i) {
      const double db = 20 * std::log10((augment_waveform(wave, 8000, {.gain_db = 6}, random)[10] / wave[10]).item<double>());
      least = std::min(least, db), most = std::max(most, db);
    }
    CHECK((least >= -6.001 && least < -5.5 && most <= 6.001 && most > 5.5));
  }
  SECTION("options are checked and survive a config") {
    CHECK_THROWS_AS(augment_waveform(wave, 8000, {.speed = 1}, random), ConfigError);
    CHECK_THROWS_AS(augment_waveform(wave, 8000, {.min_snr_db = 40}, random), ConfigError);
    CHECK_THROWS_AS(augment_waveform(wave, 8000, {.spec_augment = {.max_time = -1}}, random), ConfigError);
    CHECK_THROWS_AS(augment_waveform(wave, 0, {}, random), ConfigError);
    CHECK_THROWS_AS(augment_waveform(wave.unsqueeze(0), 8000, {}, random), ShapeError);
    const auto options = from_config<AudioAugmentOptions>(parse_json(R"({"spec_augment": {"time_masks": 1}, "speed": 0.1})", "t"));
    CHECK((options.spec_augment.time_masks == 1 && options.spec_augment.frequency_masks == 0 && options.spec_augment.max_time == 40));
  }
}

TEST_CASE("augment_text", "[preprocess]") {
  Random random(3);
  SECTION("the defaults change nothing") { CHECK(augment_text(" two  words\xFF", {}, random) == " two  words\xFF"); }
  SECTION("words are dropped at the rate asked for, in order, and one stays") {
    size_t kept = 0;
    for (int i = 0; i < 500; ++i) {
      const std::string text = augment_text("a b\tc d e f g h i j", {.drop_words = 0.4}, random);
      kept += (text.size() + 1) / 2;
      for (size_t k = 2; k < text.size(); k += 2) REQUIRE(text[k - 2] < text[k]);
    }
    CHECK_THAT(static_cast<double>(kept) / 5000, WithinAbs(0.64, 0.02));  // 0.6, and one in ten stays whatever is drawn
    std::map<std::string, int> last;
    for (int i = 0; i < 300; ++i) ++last[augment_text("x y z", {.drop_words = 1}, random)];
    CHECK((last.size() == 3 && last["x"] > 70 && last["y"] > 70 && last["z"] > 70));
  }
  SECTION("texts without words") {
    CHECK(augment_text("", {.drop_words = 1}, random).empty());
    CHECK(augment_text(" \n ", {.drop_words = 1}, random).empty());
  }
  SECTION("typing errors") {
    CHECK(augment_text("ab", {.typing_errors = {.percent = 100, .kinds = {TypingError::doubling}}}, random) == "aabb");
    CHECK_THROWS_AS(augment_text("a", {.drop_words = 2}, random), ConfigError);
    CHECK_THROWS_AS(augment_text("a", {.typing_errors = {.percent = 101}}, random), ConfigError);
    CHECK(from_config<TextAugmentOptions>(parse_json(R"({"drop_words": 0.5})", "t")).typing_errors.percent == 0);
  }
}
