// SPDX-License-Identifier: Apache-2.0
#include "data/detail/espeak.hpp"

#include "data/detail/run_program.hpp"

#include <alloy/core/check.hpp>

#include <algorithm>
#include <cmath>

namespace alloy::detail {

namespace {

constexpr auto kCure = "install it: apt-get install espeak-ng";

/// The samples of the WAV stream that espeak-ng prints. It cannot go back to fill in the lengths of its header, so all
/// that follows the header is sound.
Audio parse_stream(std::string_view bytes, std::string_view where, std::string_view what) {
  constexpr size_t kHeaderBytes = 44;
  const auto number = [&](size_t at, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << 8 * i;
    return value;
  };
  const bool good = bytes.size() > kHeaderBytes && bytes.starts_with("RIFF") && bytes.substr(8, 8) == "WAVEfmt " && number(20, 2) == 1 &&
                    number(22, 2) == 1 && number(34, 2) == 16 && bytes.substr(36, 4) == "data";
  check<DataError>(good, "[{}] expected 16-bit mono WAV from espeak-ng for {}, got {} bytes of something else", {where, what, bytes.size()});
  Audio audio{.samples = {}, .channels = 1, .sample_rate_hz = static_cast<int64_t>(number(24, 4))};
  for (size_t at = kHeaderBytes; at + 1 < bytes.size(); at += 2)
    audio.samples.push_back(static_cast<float>(static_cast<int16_t>(number(at, 2))) / 32768.0F);
  return audio;
}

}  // namespace

std::string espeak_version(const std::string& program, std::string_view where) {
  const ProgramResult result = run_program(program, {"--version"});
  check<IoError>(result.found, "[{}] expected the program {}, got none; {}", {where, program, kCure});
  check<IoError>(result.exit_code == 0, "[{}] expected {} --version to work, got exit code {}: {}",
                 {where, program, result.exit_code, result.messages});
  return result.output.substr(0, result.output.find("  "));  // what follows is where its data lies
}

Audio espeak_say(const EspeakCall& call, std::string_view where, std::string_view what) {
  std::vector<std::string> arguments = {"--stdout", "-v", call.voice, "-s", std::to_string(call.speed_wpm), "-p", std::to_string(call.pitch)};
  if (call.markup == SpeechMarkup::ssml) arguments.emplace_back("-m");
  arguments.insert(arguments.end(), {"--", call.text});
  const ProgramResult result = run_program(call.program, arguments);
  check<IoError>(result.found, "[{}] expected the program {}, got none; {}", {where, call.program, kCure});
  check<ConfigError>(result.exit_code == 0, "[{}] expected espeak-ng to say {}, got exit code {}: {}",
                     {where, what, result.exit_code, result.messages});
  return parse_stream(result.output, where, what);
}

void trim_silence(Audio& audio) {
  float peak = 0;
  for (const float x : audio.samples) peak = std::max(peak, std::abs(x));
  const auto loud = [&](float x) { return std::abs(x) > 0.01F * peak; };
  const auto first = std::ranges::find_if(audio.samples, loud);
  const auto last = std::find_if(audio.samples.rbegin(), audio.samples.rend(), loud).base();
  if (first >= last) return audio.samples.clear();
  const auto margin = static_cast<std::ptrdiff_t>(audio.sample_rate_hz / 100);
  const auto begin = std::max<std::ptrdiff_t>(0, first - audio.samples.begin() - margin);
  const auto end = std::min(std::ssize(audio.samples), last - audio.samples.begin() + margin);
  audio.samples = {audio.samples.begin() + begin, audio.samples.begin() + end};
}

}  // namespace alloy::detail
