// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/memory.hpp"

#include <alloy/core/error.hpp>
#include <alloy/core/random.hpp>
#include <alloy/io/video_file.hpp>

#include <cmath>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace alloy;

namespace {

/// A clip of tests/fixtures/make_video.py: frames that show their number, clicks at the times of some.
struct Clip {
  std::string name;
  int64_t channels = 0, rate = 0;
  bool from_zero = true;
  std::vector<double> times, clicks;
  std::filesystem::path path() const { return fixture("video/" + name); }
};

std::vector<Clip> clips() {
  std::vector<Clip> all;
  std::ifstream lines(fixture("video/expected.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Clip clip;
    size_t frames = 0;
    words >> clip.name >> frames >> clip.channels >> clip.rate >> clip.from_zero;
    for (double time = 0; words >> time;) (clip.times.size() < frames ? clip.times : clip.clicks).push_back(time);
    all.push_back(clip);
  }
  return all;
}
const Clip& clip_of(const std::string& name) {
  static const std::vector<Clip> all = clips();
  for (const Clip& clip : all)
    if (clip.name == name) return clip;
  throw std::runtime_error("no clip " + name);
}

/// The number that a frame shows in eight columns.
int64_t number_on(const Tensor& frame) {
  int64_t number = 0;
  for (int64_t bit = 0; bit < 8; ++bit) {
    const Tensor column = frame.narrow(2, bit * 8 + 2, 4).narrow(1, 4, 24).to(torch::kFloat);
    number |= int64_t{column.mean().item<float>() > 127} << bit;
  }
  return number;
}

/// Times at which clicks begin: where the sound rises above half of its peak after 20 ms without.
std::vector<double> clicks_in(const Video& video) {
  std::vector<double> found;
  const Tensor loud = (video.sound[0].abs() > video.sound[0].abs().max() * 0.5).nonzero().squeeze(1);
  for (int64_t i = 0; i < loud.size(0); ++i) {
    const int64_t at = loud[i].item<int64_t>();
    if (i > 0 && at - loud[i - 1].item<int64_t>() < video.sound_sample_rate_hz / 50) continue;
    found.push_back(video.sound_start_seconds + static_cast<double>(at) / static_cast<double>(video.sound_sample_rate_hz));
  }
  return found;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_bytes(const std::filesystem::path& path, std::string_view bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

}  // namespace

TEST_CASE("read_video gives each frame and each sound its time", "[io]") {
  REQUIRE(clips().size() == 15);
  for (const Clip& clip : clips()) {
    INFO(clip.name);
    const Video video = read_video(clip.path());
    const auto count = std::ssize(clip.times);
    REQUIRE(video.frames.sizes() == at::IntArrayRef({count, 3, 48, 64}));
    CHECK(video.frames.scalar_type() == torch::kByte);
    CHECK((video.sound_sample_rate_hz == clip.rate && video.sound.size(0) == clip.channels));
    const double late = clip.from_zero ? 0 : video.frame_times[0].item<double>();
    for (int64_t i = 0; i < count; ++i) {
      CHECK(number_on(video.frames[i]) == i);
      CHECK_THAT(video.frame_times[i].item<double>() - late, WithinAbs(clip.times[static_cast<size_t>(i)], 0.001));
    }
    const std::vector<double> clicks = clicks_in(video);
    REQUIRE(clicks.size() == clip.clicks.size());
    for (size_t i = 0; i < clicks.size(); ++i) CHECK_THAT(clicks[i] - late, WithinAbs(clip.clicks[i], 0.005));
    CHECK(video.sound.abs().max().item<float>() <= 1.2F);  // codecs overshoot
  }
}

TEST_CASE("colours of a video", "[io]") {
  // Black, white and a grey of 128, whether the file holds limited range, full range or RGB.
  for (const char* name : {"late_sound.mkv", "b_frames.mp4", "mjpeg.avi", "vp9.webm"}) {
    INFO(name);
    const Tensor frame = read_video(clip_of(name).path()).frames[1].to(torch::kFloat);  // white, seven black
    CHECK_THAT(frame.narrow(1, 4, 24).narrow(2, 2, 4).mean().item<float>(), WithinAbs(255, 3));
    CHECK_THAT(frame.narrow(1, 4, 24).narrow(2, 18, 40).mean().item<float>(), WithinAbs(0, 3));
    CHECK_THAT(frame.narrow(1, 40, 6).mean().item<float>(), WithinAbs(128, 3));
  }
}

TEST_CASE("a range of a video", "[io]") {
  for (const char* name : {"b_frames.mp4", "uneven.mkv", "mjpeg.avi", "late_sound.mp4"}) {
    INFO(name);
    const Clip clip = clip_of(name);
    const Video all = read_video(clip.path()), part = read_video(clip.path(), {.start_seconds = 0.3, .stop_seconds = 0.75});
    const Tensor inside = (all.frame_times >= 0.3).logical_and(all.frame_times < 0.75).nonzero().squeeze(1);
    CHECK_THAT(part.frame_times, SameBits(all.frame_times.index_select(0, inside)));
    CHECK_THAT(part.frames, SameBits(all.frames.index_select(0, inside)));
    CHECK_THAT(part.sound_start_seconds, WithinAbs(0.3, 1.0 / static_cast<double>(clip.rate)));
    CHECK_THAT(static_cast<double>(part.sound.size(1)), WithinAbs(0.45 * static_cast<double>(clip.rate), 1.5));
    const int64_t skipped = std::llround((part.sound_start_seconds - all.sound_start_seconds) * static_cast<double>(clip.rate));
    CHECK_THAT(part.sound, SameBits(all.sound.narrow(1, skipped, part.sound.size(1)).contiguous()));
  }
  CHECK_THROWS_WITH(read_video(clip_of("b_frames.mp4").path(), {.start_seconds = 60}), ContainsSubstring("expected a frame from 60 s"));
  CHECK_THROWS_AS(read_video(clip_of("b_frames.mp4").path(), {.start_seconds = 2, .stop_seconds = 1}), ConfigError);
  CHECK_FALSE(read_video(clip_of("b_frames.mp4").path(), {.sound = VideoSound::leave}).sound.defined());
}

TEST_CASE("frames of another size", "[io]") {
  const Video video = read_video(clip_of("b_frames.mp4").path(), {.width = 128, .height = 24});
  REQUIRE(video.frames.sizes() == at::IntArrayRef({32, 3, 24, 128}));
  const Tensor frame = video.frames[1].to(torch::kFloat);
  CHECK_THAT(frame.narrow(1, 4, 8).narrow(2, 4, 8).mean().item<float>(), WithinAbs(255, 4));
  CHECK_THAT(frame.narrow(1, 4, 8).narrow(2, 40, 60).mean().item<float>(), WithinAbs(0, 4));
  CHECK_THROWS_AS(read_video(clip_of("b_frames.mp4").path(), {.width = 128}), ConfigError);
}

TEST_CASE("a video that is to be turned", "[io]") {
  // The display matrix in the track header of an MP4: 90 degrees clockwise (a, b, c, d = 0, 1, -1, 0).
  TempDir folder;
  std::string bytes = bytes_of(clip_of("b_frames.mp4").path());
  const size_t header = bytes.find("tkhd");
  REQUIRE(header != std::string::npos);
  const size_t matrix = header + 4 + 4 + 20 + 16;
  const std::string one("\0\1\0\0", 4), none(4, '\0'), minus("\xFF\xFF\0\0", 4);
  REQUIRE(bytes.substr(matrix, 20) == one + none + none + none + one);
  const Tensor upright = read_video(clip_of("b_frames.mp4").path()).frames;
  const auto turned = [&](const std::string& a, const std::string& b, const std::string& c, const std::string& d) {
    std::string changed = bytes;
    changed.replace(matrix, 20, a + b + none + c + d);
    write_bytes(folder / "turned.mp4", changed);
    return read_video(folder / "turned.mp4").frames;
  };
  CHECK_THAT(turned(none, one, minus, none), SameBits(upright.rot90(-1, {2, 3}).contiguous()));
  CHECK_THAT(turned(none, minus, one, none), SameBits(upright.rot90(1, {2, 3}).contiguous()));
  CHECK_THAT(turned(minus, none, none, minus), SameBits(upright.rot90(2, {2, 3}).contiguous()));
  CHECK_THAT(turned(minus, none, none, one), SameBits(upright.flip(3).contiguous()));
  CHECK_THAT(turned(std::string("\0\0\x80\0", 4), none, none, one), SameBits(upright));  // no quarter: left alone
}

TEST_CASE("limits of a video", "[io]") {
  const auto path = clip_of("b_frames.mp4").path();
  CHECK_THROWS_WITH(read_video(path, {}, {.max_pixels = 3071}), ContainsSubstring("at most 3071 pixels a frame, got 64 x 48"));
  CHECK_THROWS_WITH(read_video(path, {}, {.max_frames = 31}), ContainsSubstring("at most 31 frames"));
  CHECK_THROWS_AS(read_video(path, {}, {.max_decoded_pixels = 30 * 3072}), DataError);
  CHECK_THROWS_WITH(read_video(path, {}, {.max_seconds = 1}), ContainsSubstring("at most 1 s"));
  CHECK_THROWS_WITH(read_video(path, {}, {.max_bytes = 31 * 3 * 3072}), ContainsSubstring("read a range or smaller frames"));
  CHECK_THROWS_WITH(read_video(path, {}, {.max_bytes = 32 * 3 * 3072}), ContainsSubstring("bytes of frames and sound"));
  CHECK(read_video(path, {.sound = VideoSound::leave}, {.max_bytes = 32 * 3 * 3072}).frames.size(0) == 32);
  CHECK_THROWS_WITH(read_video(path, {}, {.max_file_bytes = 1000}), ContainsSubstring("at most 1000 bytes"));
  CHECK(read_video(path, {}, {.max_pixels = 3072, .max_frames = 32, .max_decoded_pixels = 32 * 3072}).frames.size(0) == 32);
}

TEST_CASE("what is no video", "[io]") {
  TempDir folder;
  CHECK_THROWS_WITH(read_video(folder.path()), ContainsSubstring("got a folder"));
  CHECK_THROWS_AS(read_video(folder / "missing.mp4"), IoError);
  REQUIRE(mkfifo((folder / "pipe.mp4").c_str(), 0600) == 0);
  CHECK_THROWS_AS(read_video(folder / "pipe.mp4"), IoError);
  const std::pair<const char*, std::string> cases[] = {
      {"empty", ""},
      {"a text", "a text named as a video, longer than any mark of a format"},
      {"a playlist", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"},
      {"a list of files", "ffconcat version 1.0\nfile /etc/passwd\n"},
      {"a PNG", std::string("\x89PNG\r\n\x1a\n", 8) + std::string(100, 'x')},
      {"mp4, the mark alone", std::string("\0\0\0\x18"
                                          "ftypisom",
                                          12)},
      {"a box of 2^63 bytes", std::string("\0\0\0\1"
                                          "ftyp\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                                          16) +
                                  std::string(100, '\0')},
      {"Matroska, the mark alone", std::string("\x1A\x45\xDF\xA3", 4)},
      {"AVI, the mark alone", std::string("RIFF\xFF\xFF\xFF\xFF"
                                          "AVI LIST",
                                          16)},
      {"MPEG-TS without content", std::string(188 * 20, '\x47')},
  };
  for (const auto& [name, bytes] : cases) {
    INFO(name);
    write_bytes(folder / "file.mp4", bytes);
    CHECK_THROWS_AS(read_video(folder / "file.mp4"), DataError);
  }
  CHECK_THROWS_WITH(read_video(folder / "file.mp4"), ContainsSubstring("file.mp4"));
  SECTION("a sparse file of 2 TB") {
    write_bytes(folder / "sparse.mp4", bytes_of(clip_of("b_frames.mp4").path()));
    std::error_code full;
    std::filesystem::resize_file(folder / "sparse.mp4", uintmax_t{2} << 40, full);
    if (!full) CHECK_THROWS_AS(read_video(folder / "sparse.mp4"), DataError);
  }
  SECTION("more boxes than a video has") {
    std::string bytes;
    for (int i = 0; i <= 1'000'000; ++i) bytes.append("\0\0\0\bfree", 8);
    write_bytes(folder / "boxes.mp4", bytes);
    CHECK_THROWS_WITH(read_video(folder / "boxes.mp4"), ContainsSubstring("expected at most 1000000 boxes, got more"));
  }
  SECTION("another name is no matter") {
    std::filesystem::copy_file(clip_of("vp9.webm").path(), folder / "notes.txt");
    CHECK(read_video(folder / "notes.txt").frames.size(0) == 32);
  }
  SECTION("sound alone") { CHECK_THROWS_WITH(read_video(fixture("audio/vorbis.ogg")), ContainsSubstring("without moving pictures")); }
}

TEST_CASE("damaged videos", "[io]") {
  TempDir folder;
  const auto path = folder / "damaged";
  const PeakMemory memory;
  // A reading either ends in a typed error or gives frames whose times ascend.
  const auto reads = [&](VideoDamage damage) {
    try {
      const Video video = read_video(path, {.damage = damage}, {.max_bytes = 1 << 24});
      const Tensor steps = video.frame_times.diff();
      REQUIRE(video.frames.size(0) == video.frame_times.size(0));
      REQUIRE((steps.numel() == 0 || steps.min().item<double>() > 0));
      return true;
    } catch (const DataError&) {
      return false;
    }
  };
  const size_t lengths = 24, flips = 40;
  Random random(9);
  for (const Clip& clip : clips()) {
    const std::string bytes = bytes_of(clip.path());
    SECTION("cut: " + clip.name) {
      for (size_t i = 0; i < lengths; ++i) {
        write_bytes(path, std::string_view(bytes).substr(0, bytes.size() * i / lengths));
        const bool read = reads(VideoDamage::refuse);
        if (clip.name != "broadcast.ts" && clip.name != "h264.flv" && clip.name != "theora.ogv") {
          INFO(clip.name << " cut at " << bytes.size() * i / lengths);
          CHECK_FALSE(read);  // all others say how long they are
        }
        reads(VideoDamage::skip);
      }
    }
    SECTION("flipped: " + clip.name) {
      for (size_t i = 0; i < flips; ++i) {
        std::string changed = bytes;
        for (int64_t n = 1 + random.below(8); n-- > 0;)
          changed[static_cast<size_t>(random.below(std::ssize(changed)))] ^= static_cast<char>(1 << random.below(8));
        if (i % 2 == 0)
          changed[static_cast<size_t>(random.below(std::min<int64_t>(512, std::ssize(changed))))] = static_cast<char>(random.below(256));
        write_bytes(path, changed);
        reads(i % 4 < 2 ? VideoDamage::refuse : VideoDamage::skip);
      }
    }
  }
  if (const auto bytes = memory.bytes()) CHECK(*bytes < int64_t{256} << 20);
}

TEST_CASE("nothing is printed", "[io]") {
  TempDir folder;
  std::string bytes = bytes_of(clip_of("b_frames.mp4").path());
  for (size_t i = bytes.size() / 3; i < bytes.size() / 2; i += 7) bytes[i] = '\x5A';
  write_bytes(folder / "damaged.mp4", bytes);
  const int kept = dup(STDERR_FILENO);
  FILE* file = std::fopen((folder / "messages").c_str(), "w");
  dup2(fileno(file), STDERR_FILENO);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (const VideoDamage damage : {VideoDamage::skip, VideoDamage::refuse}) {
        try {
          read_video(folder / "damaged.mp4", {.damage = damage});
        } catch (const DataError&) {
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  dup2(kept, STDERR_FILENO);
  close(kept);
  std::fclose(file);
  CHECK(std::filesystem::file_size(folder / "messages") == 0);
}
