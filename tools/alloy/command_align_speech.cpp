// SPDX-License-Identifier: Apache-2.0
#include "command_align.hpp"
#include "console.hpp"

#include <alloy/alignment/subtitles.hpp>
#include <alloy/core/json.hpp>
#include <alloy/models/joint_folder.hpp>
#include <alloy/models/speech_aligner.hpp>

#include <cmath>
#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path model, audio, srt;
  std::string text;
  double fps = 25;
  bool json = false;
};

Config answer_of(const std::vector<WordSpan>& words, const std::vector<FrameRange>& frames, double seconds, double fps) {
  Config::Array list;
  for (size_t i = 0; i < words.size(); ++i)
    list.push_back(Config::object({{"word", Config(words[i].text)},
                                   {"start", Config(words[i].time.start)},
                                   {"stop", Config(words[i].time.stop)},
                                   {"first_frame", Config(frames[i].begin)},
                                   {"frames", Config(frames[i].end - frames[i].begin)},
                                   {"score", Config(words[i].score)}}));
  return Config::object({{"seconds", Config(seconds)}, {"fps", Config(fps)}, {"words", Config(std::move(list))}});
}

void align_speech_file(const Given& given) {
  std::error_code unknown;
  if (!given.srt.empty() && std::filesystem::equivalent(given.srt, given.audio, unknown))
    throw UsageError(fmt::format("--srt: expected another file than --audio, which it would replace, got {}", given.srt.string()));
  const std::string type = model_type_of(given.model);
  if (type != "alloy_speech")
    throw ConfigError(
        fmt::format("[align speech] expected the folder of a speech recogniser (alloy_speech), got {} in {}", type, given.model.string()));
  const SpeechRecognizer model = load_speech_model(given.model);
  const std::vector<std::string> texts = model->lexicon().split(given.text);
  const Audio audio = read_audio(given.audio);
  const std::vector<WordSpan> words = naming(given.audio.string(), [&] { return align_speech(model, audio, texts).words; });
  const double seconds = static_cast<double>(audio.frames()) / static_cast<double>(audio.sample_rate_hz);
  const FrameClock clock{.fps = given.fps, .num_frames = static_cast<int64_t>(std::ceil(seconds * given.fps))};
  const std::vector<FrameRange> frames = spans_to_frames(times_of(words), clock);
  if (!given.srt.empty()) write_srt(given.srt, words);
  if (given.json) {
    fmt::print("{}\n", to_json(answer_of(words, frames, seconds, given.fps)));
    return;
  }
  Table table({"word", "start s", "stop s", "first frame", "frames", "score"});
  for (size_t i = 0; i < words.size(); ++i)
    table.add({words[i].text, fmt::format("{:.3f}", words[i].time.start), fmt::format("{:.3f}", words[i].time.stop), std::to_string(frames[i].begin),
               std::to_string(frames[i].end - frames[i].begin), fmt::format("{:.2f}", words[i].score)});
  fmt::print("{}", table.text());
  if (!given.srt.empty()) fmt::print("subtitles: {}\n", given.srt.string());
}

}  // namespace

void add_align_speech(CLI::App& align) {
  auto given = std::make_shared<Given>();
  CLI::App* command = align.add_subcommand("speech", "When each word of a transcript is said, in seconds and in frames of a video");
  command->add_option("--model", given->model, "folder of a speech recogniser, as example 14 leaves one")->required()->check(filled("a folder"));
  command->add_option("--audio", given->audio, "audio file (WAV, FLAC, Ogg, AIFF, AU)")->required()->check(filled("a file"));
  command->add_option("--text", given->text, "what is said, in words that the model knows")->required()->check(filled("words"));
  command->add_option("--fps", given->fps, "frames a second of the video")->capture_default_str()->check(number(1e-3, 1e6));
  command->add_option("--srt", given->srt, "subtitles file to write")->check(filled("a file"));
  command->add_flag("--json", given->json, "as JSON");
  command->callback([given] { align_speech_file(*given); });
}

}  // namespace alloy::tool
