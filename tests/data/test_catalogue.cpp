// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/installed.hpp"

#include <alloy/core.hpp>
#include <alloy/data.hpp>

#include <cmath>
#include <map>
#include <set>

using namespace alloy;

namespace {

using Split = CatalogueSplit;
constexpr double kPixelMean = 0.286, kPixelStd = 0.353;

CatalogueOptions small(CatalogueTask task = CatalogueTask::redundant) {
  return {.task = task, .train_size = 60, .valid_size = 60, .test_size = 60, .train_voices = {"a", "b"}, .valid_voices = {"v"}, .test_voices = {"c"}, .speeds_wpm = {150}, .pitches = {50}};
}

/// Photos and speech of no meaning, so that most tests need nothing installed. The first two pixels of a photo are its index.
std::shared_ptr<const CatalogueSource> made_up_source() {
  auto source = std::make_shared<CatalogueSource>();
  torch::manual_seed(1);
  const auto photos = [](int64_t count) {
    Tensor pixels = torch::randint(256, {count, 28, 28}, torch::kByte);
    for (int64_t i = 0; i < count; ++i) {
      pixels[i][0][0] = i / 256;
      pixels[i][0][1] = i % 256;
    }
    return pixels;
  };
  source->train_photos = photos(13000);
  source->train_labels = torch::arange(13000) % 10;
  source->test_photos = photos(600);
  source->test_labels = torch::arange(600).floor_divide(60);
  const CatalogueOptions o = small();
  source->speech.options = {.voices = {"a", "b", "v", "c"}, .speeds_wpm = o.speeds_wpm, .pitches = o.pitches};
  source->speech.lengths = torch::randint(4000, 16001, {4, 1, 1, 10}, torch::kLong);
  source->speech.waveforms = torch::randint(-8000, 8000, {4, 1, 1, 10, 16000}, torch::kShort);
  for (int64_t v = 0; v < 4; ++v)
    for (int64_t w = 0; w < 10; ++w) {
      const int64_t length = source->speech.lengths[v][0][0][w].item<int64_t>();
      source->speech.waveforms[v][0][0][w].narrow(0, length, 16000 - length).zero_();
    }
  return source;
}

const std::shared_ptr<const CatalogueSource>& source() {
  static const auto instance = made_up_source();
  return instance;
}

struct Contents {
  Tensor image, audio, text, target;
};
Contents contents(const Catalogue& data) {
  std::vector<Sample> samples;
  Random random(0);
  for (int64_t i = 0; i < data.size(); ++i) samples.push_back(data.get(i, random));
  const LabelledBatch batch = collate(samples);
  return {batch.inputs.at("image").values, batch.inputs.at("audio").values, batch.inputs.at("text").values, batch.target};
}
bool same(const Contents& a, const Contents& b) {
  return at::equal(a.image, b.image) && at::equal(a.audio, b.audio) && at::equal(a.text, b.text) && at::equal(a.target, b.target);
}

/// Mutual information of two labels in nats, from counts: some (K-1)(L-1)/2N too high.
double mutual_information(const std::vector<std::pair<int64_t, int64_t>>& pairs) {
  std::map<std::pair<int64_t, int64_t>, double> joint;
  std::map<int64_t, double> first, second;
  for (const auto& p : pairs) {
    const double share = 1.0 / static_cast<double>(pairs.size());
    joint[p] += share;
    first[p.first] += share;
    second[p.second] += share;
  }
  double sum = 0;
  for (const auto& [p, share] : joint) sum += share * std::log(share / (first[p.first] * second[p.second]));
  return sum;
}

}  // namespace

TEST_CASE("a catalogue is a function of seed, split and index", "[data]") {
  const Contents first = contents(Catalogue(small(), Split::train, source()));
  CHECK(first.image.sizes() == at::IntArrayRef({60, 1, 28, 28}));
  CHECK(first.audio.sizes() == at::IntArrayRef({60, Catalogue::kAudioFrames, Catalogue::kMelBins}));
  CHECK(first.image.isfinite().all().item<bool>());
  CHECK(first.audio.isfinite().all().item<bool>());
  CHECK_THAT(first.target, SameBits(torch::arange(60) % 10));
  SECTION("whatever the number of threads") {
    for (const int threads : {1, 2, 5}) {
      const ThreadScope scope(threads);
      CHECK(same(contents(Catalogue(small(), Split::train, source())), first));
    }
  }
  SECTION("whatever the size") {
    CatalogueOptions fewer = small();
    fewer.train_size = 17;
    const Contents part = contents(Catalogue(fewer, Split::train, source()));
    CHECK_THAT(part.image, SameBits(first.image.narrow(0, 0, 17)));
    CHECK_THAT(part.audio, AllClose(first.audio.narrow(0, 0, 17)));
    const int64_t length = part.text.size(1);
    CHECK_THAT(part.text, SameBits(first.text.narrow(0, 0, 17).narrow(1, 0, length)));
  }
  SECTION("another seed and another split give others") {
    CatalogueOptions other = small();
    other.seed = 1;
    const Contents seeded = contents(Catalogue(other, Split::train, source())), valid = contents(Catalogue(small(), Split::valid, source()));
    for (const Contents* c : {&seeded, &valid}) {
      CHECK_FALSE(at::equal(c->image, first.image));
      CHECK_FALSE(at::equal(c->audio, first.audio));
      CHECK_FALSE(at::equal(c->text, first.text));
    }
  }
  SECTION("a level of noise changes its own modality alone") {
    CatalogueOptions loud = small();
    loud.noise.speech_snr_db -= 3;
    const Contents c = contents(Catalogue(loud, Split::train, source()));
    CHECK_THAT(c.image, SameBits(first.image));
    CHECK_THAT(c.text, SameBits(first.text));
    CHECK_FALSE(at::equal(c.audio, first.audio));
  }
}

TEST_CASE("catalogue splits share no photo, no voice and no shortened form", "[data]") {
  CatalogueOptions options = small();
  options.train_size = options.valid_size = options.test_size = 300;
  std::map<Split, std::set<int64_t>> photos, voices;
  std::map<Split, std::set<TagForm>> forms;
  for (const Split split : {Split::train, Split::valid, Split::test}) {
    const Catalogue data(options, split, source());
    const Tensor& labels = split == Split::test ? source()->test_labels : source()->train_labels;
    REQUIRE(data.size() == 300);
    for (int64_t i = 0; i < data.size(); ++i) {
      const CatalogueRecord& r = data.record(i);
      CHECK((r.target == i % 10 && r.photo_class == r.target && r.name_class == r.target));
      CHECK(labels[r.photo].item<int64_t>() == r.photo_class);
      photos[split].insert(r.photo);
      voices[split].insert(r.voice);
      forms[split].insert(r.tag.form);
      CHECK(data.voice(i) == std::string(1, "abvc"[r.voice]));
    }
    CHECK(photos[split].size() == 300);  // no photo twice
  }
  for (const int64_t photo : photos[Split::train]) CHECK_FALSE(photos[Split::valid].contains(photo));
  CHECK(voices[Split::train] == std::set<int64_t>{0, 1});
  CHECK(voices[Split::valid] == std::set<int64_t>{2});
  CHECK(voices[Split::test] == std::set<int64_t>{3});
  using Forms = std::set<TagForm>;
  CHECK((forms[Split::train] == Forms{TagForm::whole, TagForm::cut_end, TagForm::drop_vowels, TagForm::empty}));
  CHECK((forms[Split::valid] == Forms{TagForm::whole, TagForm::cut_both, TagForm::empty}));
  CHECK((forms[Split::test] == Forms{TagForm::whole, TagForm::cut_start, TagForm::cut_middle, TagForm::empty}));
}

TEST_CASE("catalogue noise is as strong as stated", "[data]") {
  CatalogueOptions clean = small();
  clean.noise = {.image_sigma = 0, .image_erase = 0, .speech_snr_db = 100, .tag = {.typing_error_percent = 0, .shorten_percent = 0, .empty_percent = 0}};
  const Catalogue quiet(clean, Split::test, source());
  const auto pixels = [](const Catalogue& data) { return contents(data).image * std::hypot(kPixelStd, data.noise().image_sigma) + kPixelMean; };
  SECTION("without noise a sample is the photo, the word and the name") {
    for (int64_t i = 0; i < 20; ++i) {
      const CatalogueRecord& r = quiet.record(i);
      CHECK_THAT(quiet.picture(i), SameBits(source()->test_photos[r.photo]));
      CHECK(r.tag.text == r.tag.name);
      const Tensor word = source()->speech.waveforms[r.voice][0][0][r.name_class].to(torch::kFloat);
      const int64_t length = source()->speech.lengths[r.voice][0][0][r.name_class].item<int64_t>();
      const Tensor heard = quiet.waveform(i).narrow(0, r.offset, length);
      CHECK_THAT(heard / heard.norm(), AllClose(word.narrow(0, 0, length) / word.norm(), 1e-3, 1e-5));
      CHECK_THAT(heard.square().mean().sqrt().item<double>(), WithinAbs(0.1, 1e-4));
    }
    CHECK_THAT(pixels(quiet)[7][0] * 255, AllClose(source()->test_photos[quiet.record(7).photo].to(torch::kFloat), 1e-4, 1e-3));
  }
  for (const double level : {0.5, 2.0}) {
    CatalogueOptions options = clean;
    options.noise.image_sigma = level;
    options.noise.speech_snr_db = -10 * level;
    const Catalogue noisy(options, Split::test, source());
    CHECK_THAT((pixels(noisy) - pixels(quiet)).std().item<double>(), WithinRel(level, 0.02));
    CHECK_THAT((pixels(noisy) - pixels(quiet)).mean().item<double>(), WithinAbs(0.0, 0.02 * level));
    for (int64_t i = 0; i < 10; ++i) {
      const double noise = (noisy.waveform(i) - quiet.waveform(i)).square().mean().item<double>();
      CHECK_THAT(10 * std::log10(0.01 / noise), WithinAbs(-10 * level, 0.5));
    }
  }
  SECTION("a square is erased before the noise") {
    CatalogueOptions options = clean;
    options.noise.image_erase = 0.25;
    const Catalogue erased(options, Split::test, source());
    std::set<int64_t> places;
    for (int64_t i = 0; i < 20; ++i) {
      const Tensor black = erased.picture(i).eq(0);
      const Tensor window = at::avg_pool2d(black.to(torch::kFloat).view({1, 1, 28, 28}), /*kernel_size=*/14, /*stride=*/1);
      CHECK(window.max().item<float>() == 1);
      places.insert(window.argmax().item<int64_t>());
    }
    CHECK(places.size() > 10);
  }
  SECTION("halved is half the amplitude") {
    const CatalogueNoise half = halve({.image_sigma = 1, .image_erase = 0.2, .speech_snr_db = 0, .tag = {.typing_error_percent = 30, .shorten_percent = 20, .empty_percent = 10}});
    CHECK(half.image_sigma == 0.5);
    CHECK(half.image_erase == 0.1);
    CHECK_THAT(std::pow(10, -half.speech_snr_db / 20), WithinAbs(0.5, 1e-9));
    CHECK((half.tag.typing_error_percent == 15 && half.tag.shorten_percent == 10 && half.tag.empty_percent == 5));
    const Catalogue synergy(small(CatalogueTask::synergy), Split::test, source());
    CHECK(synergy.noise().image_sigma == synergy.options().noise.image_sigma / 2);
    CHECK(Catalogue(small(), Split::test, source()).noise().image_sigma == small().noise.image_sigma);
  }
}

TEST_CASE("unique: some classes live in one modality", "[data]") {
  CatalogueOptions options = small(CatalogueTask::unique);
  options.train_size = 1000;
  const Catalogue data(options, Split::train, source());
  const std::set<int64_t> photos_alike = {2, 4, 6}, names_alike = {5, 7, 9};
  std::vector<std::pair<int64_t, int64_t>> photo_pairs, name_pairs;
  std::set<int64_t> shown;
  for (int64_t i = 0; i < data.size(); ++i) {
    const CatalogueRecord& r = data.record(i);
    CHECK(r.target == i % 10);
    CHECK(source()->train_labels[r.photo].item<int64_t>() == r.photo_class);
    CHECK(shown.insert(r.photo).second);
    if (photos_alike.contains(r.target)) {
      CHECK(photos_alike.contains(r.photo_class));
      photo_pairs.emplace_back(r.target, r.photo_class);
    } else CHECK(r.photo_class == r.target);
    if (names_alike.contains(r.target)) {
      CHECK(names_alike.contains(r.name_class));
      name_pairs.emplace_back(r.target, r.name_class);
    } else CHECK(r.name_class == r.target);
    const auto names = catalogue_typed_names(r.name_class);
    CHECK(std::ranges::find(names, r.tag.name) != names.end());
  }
  CHECK(photo_pairs.size() == 300);
  CHECK(mutual_information(photo_pairs) < 0.03);
  CHECK(mutual_information(name_pairs) < 0.03);
}

TEST_CASE("synergy: neither photo nor name says anything alone", "[data]") {
  CatalogueOptions options = small(CatalogueTask::synergy);
  options.train_size = 1000;
  const Catalogue data(options, Split::train, source());
  CHECK(data.num_classes() == 2);
  CHECK(data.class_names() == std::vector<std::string>{"no match", "match"});
  std::vector<std::pair<int64_t, int64_t>> photo_pairs, name_pairs;
  int64_t matches = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    const CatalogueRecord& r = data.record(i);
    CHECK(r.photo_class == i % 10);
    CHECK(r.target == (r.photo_class == r.name_class ? 1 : 0));
    const auto names = catalogue_typed_names(r.name_class);
    CHECK(std::ranges::find(names, r.tag.name) != names.end());
    photo_pairs.emplace_back(r.photo_class, r.target);
    name_pairs.emplace_back(r.name_class, r.target);
    matches += r.target;
  }
  CHECK(matches == 500);
  CHECK(mutual_information(photo_pairs) < 1e-9);
  CHECK(mutual_information(name_pairs) < 0.015);
}

TEST_CASE("catalogue errors", "[data]") {
  const auto refused = [](auto change) {
    CatalogueOptions options = small();
    change(options);
    return [options] { Catalogue(options, Split::train, source()); };
  };
  CHECK_THROWS_WITH(refused([](auto& o) { o.test_voices = {"b"}; })(), ContainsSubstring("in one split, got b again"));
  CHECK_THROWS_WITH(refused([](auto& o) { o.train_voices = {"a"}; })(), ContainsSubstring("voices a, b, v, c"));
  CHECK_THROWS_AS(refused([](auto& o) { o.train_size = 0; })(), ConfigError);
  CHECK_THROWS_AS(refused([](auto& o) { o.valid_size = 10001; })(), ConfigError);
  CHECK_THROWS_AS(refused([](auto& o) { o.noise.image_sigma = -1; })(), ConfigError);
  CHECK_THROWS_AS(refused([](auto& o) { o.noise.image_erase = 1; })(), ConfigError);
  CHECK_THROWS_AS(refused([](auto& o) { o.noise.speech_snr_db = std::nan(""); })(), ConfigError);
  CatalogueOptions nowhere = small();
  nowhere.photos = "/no/such/folder";
  CHECK_THROWS_AS(load_catalogue_source(nowhere), IoError);
  CHECK_THROWS_WITH(load_catalogue_source(nowhere), ContainsSubstring("apt-get install dataset-fashion-mnist"));
  const Catalogue data(small(), Split::test, source());
  Random random(0);
  CHECK_THROWS_AS(data.get(60, random), DataError);
  CHECK_THROWS_AS(data.record(-1), DataError);
  CHECK(data.get(7, random).id == "test-00007");
  const auto back = from_config<CatalogueOptions>(to_config(small(CatalogueTask::unique)));
  CHECK((back.task == CatalogueTask::unique && back.train_voices == small().train_voices && back.noise.tag.empty_percent == small().noise.tag.empty_percent));
}

TEST_CASE("the catalogue of real photos and synthesised speech", "[data]") {
  CatalogueOptions options;
  if (!no_speech().empty()) ALLOY_SKIP(no_speech());
  if (!std::filesystem::exists(options.photos)) ALLOY_SKIP("dataset-fashion-mnist is not installed");
  options.train_size = options.test_size = 200;
  options.train_voices = {"en-us", "en-gb-scotland"};
  options.valid_voices = {"en-us+m4"};
  options.test_voices = {"en-us+f2"};
  options.speeds_wpm = {175};
  options.pitches = {50};
  const auto real = load_catalogue_source(options);
  CHECK(real->speech.waveforms.sizes() == at::IntArrayRef({4, 1, 1, 10, 16000}));
  const Catalogue train(options, Split::train, real), test(options, Split::test, real);
  for (const Catalogue* data : {&train, &test}) {
    const Contents c = contents(*data);
    CHECK_THAT(c.image.mean().item<double>(), WithinAbs(0.0, 0.1));
    CHECK_THAT(c.image.std().item<double>(), WithinAbs(1.0, 0.1));
    CHECK_THAT(c.audio.mean().item<double>(), WithinAbs(0.0, 0.25));
    CHECK_THAT(c.audio.std().item<double>(), WithinAbs(1.0, 0.25));
  }
  const CatalogueOptions clean{.noise = {.image_sigma = 0, .image_erase = 0}};
  options.noise = clean.noise;
  const Catalogue clear(options, Split::test, real);
  for (int64_t i = 0; i < 20; ++i) CHECK_THAT(clear.picture(i), SameBits(real->test_photos[clear.record(i).photo]));
  CHECK(real->test_photos.size(0) == 10000);
  CHECK_THAT(real->test_labels.narrow(0, 0, 5), SameBits(torch::tensor({9, 2, 1, 1, 6})));  // how the published test set begins
  for (int64_t label = 0; label < 10; ++label) CHECK(real->train_labels.eq(label).sum().item<int64_t>() == 6000);
}
