// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/io/audio_file.hpp>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <numbers>
#include <sys/stat.h>

using namespace alloy;

namespace {

std::string audio_text(const std::string& name) {
  std::ifstream file(fixture("audio/" + name), std::ios::binary);
  REQUIRE(file);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
Audio decode(std::string_view text, const AudioLimits& limits = {}) {
  return decode_audio(std::as_bytes(std::span(text.data(), text.size())), "test", limits);
}

std::string little(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}
std::string chunk(const std::string& name, const std::string& content) {
  return name + little(content.size(), 4) + content + (content.size() % 2 == 1 ? std::string(1, '\0') : "");
}
struct Wav {
  uint32_t format = 1, channels = 1, rate = 8000, bits = 16;
  std::string data = little(1000, 2) + little(2000, 2);
  std::string before = "", after = "";
  std::string text() const {
    const uint32_t frame = channels * bits / 8;
    const std::string kind = little(format, 2) + little(channels, 2) + little(rate, 4) + little(rate * frame, 4) + little(frame, 2) + little(bits, 2);
    const std::string body = "WAVE" + chunk("fmt ", kind) + before + chunk("data", data) + after;
    return "RIFF" + little(body.size(), 4) + body;
  }
};
template <class Real>
std::string bytes_of(std::initializer_list<Real> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(Real));
}

Audio sine(double hz, int64_t rate, int64_t frames, double amplitude = 0.5) {
  Audio audio{.sample_rate_hz = rate};
  for (int64_t i = 0; i < frames; ++i)
    audio.samples.push_back(static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / static_cast<double>(rate))));
  return audio;
}
/// Largest difference from a sine, away from the ends, where a filter sees what is not there.
double distance_from_sine(const Audio& audio, double hz, double amplitude = 0.5) {
  const Audio expected = sine(hz, audio.sample_rate_hz, audio.frames(), amplitude);
  const size_t margin = expected.samples.size() / 10;
  double largest = 0;
  for (size_t i = margin; i + margin < expected.samples.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(audio.samples[i]) - expected.samples[i]));
  return largest;
}

}  // namespace

TEST_CASE("decode_audio gives the samples that were written", "[io]") {
  std::ifstream lines(fixture("audio/expected.txt"));
  size_t files = 0;
  for (std::string line; std::getline(lines, line); ++files) {
    std::istringstream words(line);
    std::string file;
    int64_t channels = 0, rate = 0;
    double tolerance = 0;
    words >> file >> channels >> rate >> tolerance;
    std::vector<float> expected;
    for (float value = 0; words >> value;) expected.push_back(value);
    INFO(file);
    const Audio audio = read_audio(fixture("audio/" + file));
    CHECK((audio.channels == channels && audio.sample_rate_hz == rate));
    REQUIRE(audio.samples.size() == expected.size());
    double largest = 0;
    for (size_t i = 0; i < expected.size(); ++i) largest = std::max(largest, std::abs(static_cast<double>(audio.samples[i]) - expected[i]));
    CHECK(largest <= tolerance);
  }
  CHECK(files == 14);
}

TEST_CASE("WAV files at the edges", "[io]") {
  SECTION("odd chunks are padded") {
    const Wav wav{.bits = 8, .data = "\x80\xFF\x01", .before = chunk("LIST", "odd"), .after = chunk("note", "x")};
    CHECK(decode(wav.text()).samples == std::vector<float>{0.F, 127 / 128.F, -127 / 128.F});
  }
  SECTION("a size that a streaming program did not know") {
    std::string text = Wav{}.text();
    text.replace(40, 4, "\xFF\xFF\xFF\xFF");
    CHECK(decode(text).samples == std::vector<float>{1000 / 32768.F, 2000 / 32768.F});
  }
  SECTION("one frame") { CHECK(decode(Wav{.data = little(0x8000, 2)}.text()).samples == std::vector<float>{-1.F}); }
  SECTION("refused") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    std::string claims = Wav{.data = ""}.text();
    REQUIRE(claims.size() == 44);
    claims.replace(40, 4, "\xFF\xFF\xFF\xFF");
    std::string longer = Wav{}.text();
    longer.replace(40, 4, little(6, 4));
    const std::string one_hour(3600 * 2, 'x');
    const std::pair<const char*, std::string> cases[] = {
        {"no frames", Wav{.data = ""}.text()},
        {"2^32 - 1 bytes claimed in 44", claims},
        {"two bytes more claimed than there are", longer},
        {"no channels", Wav{.channels = 0}.text()},
        {"33 channels", Wav{.channels = 33, .data = std::string(66, 'x')}.text()},
        {"65,535 channels", Wav{.channels = 65'535, .data = std::string(131'070, 'x')}.text()},
        {"rate 0", Wav{.rate = 0}.text()},
        {"rate 768,001", Wav{.rate = 768'001}.text()},
        {"rate 2^31 - 1", Wav{.rate = 0x7FFFFFFF}.text()},
        {"rate 2^32 - 1", Wav{.rate = 0xFFFFFFFF}.text()},
        {"0 bits", Wav{.bits = 0}.text()},
        {"unknown coding", Wav{.format = 0x1234}.text()},
        {"NaN", Wav{.format = 3, .bits = 32, .data = bytes_of<float>({0.F, nan})}.text()},
        {"infinity", Wav{.format = 3, .bits = 32, .data = bytes_of<float>({0.F, -infinity})}.text()},
        {"a double beyond float", Wav{.format = 3, .bits = 64, .data = bytes_of<double>({0, 1e300})}.text()},
        {"over an hour", Wav{.rate = 1, .data = one_hour + "xx"}.text()},
        {"no file", ""},
        {"a text", "a text, nothing else"},
        {"MP3", std::string("ID3\4\0\0\0\0\0\0", 10)},
        {"RIFF alone", "RIFF"},
        {"no chunks", "RIFF" + little(4, 4) + "WAVE"},
    };
    for (const auto& [name, text] : cases) {
      INFO(name);
      CHECK_THROWS_AS(decode(text), DataError);
    }
    CHECK(decode(Wav{.rate = 1, .data = one_hour}.text()).frames() == 3600);
    CHECK_THROWS_WITH(decode(Wav{.format = 3, .bits = 32, .data = bytes_of<float>({0.F, nan})}.text()), ContainsSubstring("[test] expected finite samples, got nan in frame 1"));
    CHECK_THROWS_WITH(decode(longer), ContainsSubstring("expected 6 bytes of samples, got 4"));
    CHECK_THROWS_WITH(decode(Wav{}.text(), {.max_samples = 1}), ContainsSubstring("got 2 frames at 8000 Hz"));
  }
}

TEST_CASE("damaged audio", "[io]") {
  SECTION("cut anywhere: WAV and FLAC are refused") {
    for (const char* file : {"pcm16.wav", "pcm24.wav", "extensible.wav", "pcm16.flac"}) {
      const std::string text = audio_text(file);
      // The last bytes of libsndfile's FLAC and of a WAV's trailing chunks hold no samples.
      const size_t end = file == std::string("pcm16.flac") ? text.size() - 16 : text.find("data") + 8 + 160;
      for (size_t size = 0; size < end; ++size) {
        INFO(file << " " << size);
        CHECK_THROWS_AS(decode(std::string_view(text).substr(0, size)), DataError);
      }
    }
  }
  SECTION("every flipped bit: refused or samples") {
    for (const char* file : {"pcm16.wav", "extensible.wav", "rf64.wav", "float.wav", "pcm16.flac", "pcm16.aiff", "pcm16.au"}) {
      std::string text = audio_text(file);
      for (size_t bit = 0; bit < text.size() * 8; ++bit) {
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
        try {
          const Audio audio = decode(text);
          if (audio.samples.empty() || audio.samples.size() % static_cast<size_t>(audio.channels) != 0) FAIL(file << " bit " << bit);
        } catch (const DataError&) {
        }
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
      }
    }
  }
  SECTION("any flipped or missing byte of an Ogg is found") {
    std::string text = audio_text("vorbis.ogg");
    for (size_t i = 0; i < text.size(); ++i) {
      INFO(i);
      CHECK_THROWS_AS(decode(std::string_view(text).substr(0, i)), DataError);
      text[i] = static_cast<char>(~text[i]);
      CHECK_THROWS_AS(decode(text), DataError);
      text[i] = static_cast<char>(~text[i]);
    }
  }
  SECTION("what is no regular file") {
    TempDir folder;
    CHECK_THROWS_WITH(read_audio(folder.path()), ContainsSubstring("got a folder"));
    CHECK_THROWS_AS(read_audio(folder / "missing.wav"), IoError);
    REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK_THROWS_AS(read_audio(folder / "pipe"), IoError);
    CHECK_THROWS_AS(read_audio(fixture("audio/pcm16.wav"), {.max_file_bytes = 100}), DataError);
  }
}

TEST_CASE("encode_wav", "[io]") {
  SECTION("16-bit audio is written back bit-equal") {
    Audio audio{.channels = 2, .sample_rate_hz = 22'050};
    for (int i = -32768; i < 32768; ++i) audio.samples.push_back(static_cast<float>(i) / 32768.F);
    const Audio again = decode(encode_wav(audio));
    CHECK((again.samples == audio.samples && again.channels == 2 && again.sample_rate_hz == 22'050));
  }
  SECTION("rounds and clips") {
    const Audio audio{.samples = {1.F, -1.5F, 1e30F, 0.6F / 32768, -0.6F / 32768, 0.4F / 32768}, .sample_rate_hz = 8000};
    const std::string text = encode_wav(audio);
    CHECK(text.size() == 44 + 12);
    std::vector<int16_t> values(6);
    std::memcpy(values.data(), text.data() + 44, 12);
    CHECK(values == std::vector<int16_t>{32767, -32768, 32767, 1, -1, 0});
  }
  SECTION("refuses what is no audio") {
    CHECK_THROWS_WITH(encode_wav({.samples = {0.F, std::nanf("")}, .sample_rate_hz = 8000}), ContainsSubstring("NaN at sample 1"));
    CHECK_THROWS_AS(encode_wav({.samples = {0.F}, .channels = 2, .sample_rate_hz = 8000}), ShapeError);
    CHECK_THROWS_AS(encode_wav({.samples = {0.F}, .channels = 0, .sample_rate_hz = 8000}), ShapeError);
    CHECK_THROWS_AS(encode_wav({.samples = {0.F}, .sample_rate_hz = 0}), ShapeError);
  }
}

TEST_CASE("to_mono is the mean of the channels", "[io]") {
  const Audio mono = to_mono({.samples = {1.F, 0.F, -0.5F, 0.25F, 0.25F, 1.F}, .channels = 3, .sample_rate_hz = 8000});
  REQUIRE(mono.samples.size() == 2);
  CHECK_THAT(mono.samples[0], WithinAbs(0.5 / 3, 1e-7));
  CHECK_THAT(mono.samples[1], WithinAbs(0.5, 1e-7));
  CHECK((mono.channels == 1 && mono.sample_rate_hz == 8000));
}

TEST_CASE("resample", "[io]") {
  SECTION("a tone stays where it is, as loud as it was") {
    for (const auto& [from, to] : {std::pair<int64_t, int64_t>{44'100, 16'000}, {8000, 48'000}, {16'000, 44'100}, {48'000, 8000}}) {
      INFO(from << " Hz to " << to << " Hz");
      const Audio result = resample(sine(440, from, from / 2), to);
      CHECK(result.frames() == to / 2);
      CHECK(result.sample_rate_hz == to);
      CHECK(distance_from_sine(result, 440) < 1e-4);
    }
  }
  SECTION("what the new rate cannot hold is gone") {
    CHECK(distance_from_sine(resample(sine(6000, 44'100, 22'050), 8000), 440, /*amplitude=*/0) < 1e-4);
  }
  SECTION("channels stay apart") {
    const Audio left = sine(440, 8000, 4000), right = sine(700, 8000, 4000);
    Audio both{.channels = 2, .sample_rate_hz = 8000};
    for (size_t i = 0; i < 4000; ++i) both.samples.insert(both.samples.end(), {left.samples[i], right.samples[i]});
    const Audio result = resample(both, 16'000), alone = resample(right, 16'000);
    REQUIRE(result.frames() == 8000);
    double largest = 0;
    for (size_t i = 0; i < 8000; ++i) largest = std::max(largest, std::abs(static_cast<double>(result.samples[2 * i + 1]) - alone.samples[i]));
    CHECK(largest < 1e-6);
  }
  SECTION("lengths are rounded") {
    for (const int64_t frames : {0, 1, 2, 3, 7, 100, 441})
      for (const auto& [from, to] : {std::pair<int64_t, int64_t>{3, 2}, {2, 3}, {44'100, 16'000}, {1, 10'000}, {768'000, 100}}) {
        INFO(frames << " frames, " << from << " Hz to " << to << " Hz");
        const Audio result = resample({.samples = std::vector<float>(static_cast<size_t>(frames), 0.25F), .sample_rate_hz = from}, to);
        CHECK(result.frames() == std::llround(static_cast<double>(frames) * static_cast<double>(to) / static_cast<double>(from)));
      }
  }
  SECTION("an equal rate is a copy") {
    const Audio audio = sine(3999, 8000, 100);
    CHECK(resample(audio, 8000).samples == audio.samples);
  }
  SECTION("names a rate that cannot be") {
    CHECK_THROWS_WITH(resample(sine(440, 8000, 10), 0), ContainsSubstring("1..768000 Hz, got 0"));
    CHECK_THROWS_AS(resample(sine(440, 8000, 10), 768'001), ConfigError);
    CHECK_THROWS_WITH(resample(sine(440, 768'000, 10), 1), ContainsSubstring("within a factor of 10000, got 768000 Hz to 1 Hz"));
    CHECK_THROWS_AS(resample(sine(0, 1, 10), 768'000), ConfigError);
  }
}
