// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/prosody.hpp>

#include "data/detail/espeak.hpp"

#include <alloy/core/jobs.hpp>
#include <alloy/core/log.hpp>
#include <alloy/io/digest.hpp>
#include <alloy/io/safetensors.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <sstream>

namespace alloy {

namespace {

/// Note [Stress]: a stressed word is higher and louder by so many points. espeak-ng has a tag for it, <emphasis>, but 1.51 loses the rest
/// of a clause of eight words or more in which that tag stands beside courses of pitch and volume, and so it does with a rate for each word.
constexpr double kStressPitch = 20, kStressVolume = 40;

void check_range(std::string_view what, const std::vector<double>& values, double low, double high) {
  check<ConfigError>(!values.empty() && std::ranges::all_of(values, [&](double x) { return x >= low && x <= high; }),
                     "[Prosody] expected {} in {}..{}, at least one, got {} values from {} on",
                     {what, low, high, values.size(), values.empty() ? 0.0 : *std::ranges::min_element(values)});
}

void check_prosody(const Prosody& p) {
  check_range("pitch", p.pitch, -90, 200);
  check_range("volume", p.volume, -90, 200);
  check_range("range", {p.range}, 0, 300);
  check_range("rate", {p.rate}, 50, 200);
  check<ConfigError>(p.emphasis >= 0, "[Prosody] expected emphasis >= 0, got {}", {p.emphasis});
}

/// Linear between points at equal steps. @param place  0..1
double course(const std::vector<double>& points, double place) {
  const double x = place * static_cast<double>(points.size() - 1);
  const auto left = std::min(static_cast<size_t>(x), points.size() - 1), right = std::min(left + 1, points.size() - 1);
  return std::lerp(points[left], points[right], x - static_cast<double>(left));
}

std::string percent(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f%%", value);
  return text;
}

std::string escaped(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

std::vector<int16_t> say(const Utterance& u, const SpeakOptions& options) {
  const std::string what = "'" + u.text + "' by voice " + u.voice;
  Audio audio = detail::espeak_say({.program = options.program,
                                    .voice = u.voice,
                                    .speed_wpm = u.speed_wpm,
                                    .pitch = u.pitch,
                                    .text = prosody_ssml(u.text, u.prosody),
                                    .markup = detail::SpeechMarkup::ssml},
                                   "speak", what);
  detail::trim_silence(audio);
  check<DataError>(!audio.samples.empty(), "[speak] expected sound for {}, got silence", {what});
  audio = resample(audio, options.sample_rate_hz);
  std::vector<int16_t> samples(audio.samples.size());
  std::ranges::transform(audio.samples, samples.begin(),
                         [](float x) { return static_cast<int16_t>(std::lround(std::clamp(x * 32768.0F, -32768.0F, 32767.0F))); });
  return samples;
}

/// All in one file: samples one after the other, and how many of each.
struct Bank {
  Tensor samples, lengths;  // int16 [S], int64 [N]
};

std::string digest_of(const Bank& bank) {
  const auto bytes = [](const Tensor& t) { return std::string_view(static_cast<const char*>(t.const_data_ptr()), t.nbytes()); };
  return sha256(sha256(bytes(bank.samples)) + sha256(bytes(bank.lengths)));
}

std::optional<Bank> load_cache(const std::filesystem::path& file, int64_t count) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  try {
    Bank bank;
    std::string digest;
    for (auto& [name, tensor] : load_safetensors(file)) (name == "samples" ? bank.samples : bank.lengths) = tensor;
    for (const auto& [key, value] : read_safetensors_header(file).metadata)
      if (key == "sha256") digest = value;
    check<DataError>(bank.samples.defined() && bank.lengths.defined() && bank.samples.scalar_type() == at::kShort &&
                         bank.lengths.scalar_type() == at::kLong && bank.samples.dim() == 1 && bank.lengths.sizes() == at::IntArrayRef({count}) &&
                         digest == digest_of(bank),
                     "content that does not fit its digest");
    return bank;
  } catch (const Error& error) {
    log_message(LogLevel::warning, format_message("[speak] {} cannot be used and is made again: {}", {file, error.what()}));
    return {};
  }
}

std::vector<Tensor> waveforms_of(const Bank& bank) {
  std::vector<Tensor> out;
  int64_t begin = 0;
  for (int64_t i = 0; i < bank.lengths.size(0); ++i) {
    const int64_t length = bank.lengths.const_data_ptr<int64_t>()[i];
    out.push_back(bank.samples.narrow(0, begin, length).to(at::kFloat) / 32768);
    begin += length;
  }
  return out;
}

}  // namespace

void SpeakOptions::validate() const {
  check<ConfigError>(sample_rate_hz >= 4000 && sample_rate_hz <= 48000, "[speak] expected sample_rate_hz in 4000..48000, got {}", {sample_rate_hz});
  check<ConfigError>(workers >= 0 && workers <= 256, "[speak] expected workers in 0..256, got {}", {workers});
}

std::string prosody_ssml(std::string_view text, const Prosody& p) {
  check_prosody(p);
  std::vector<std::string> words;
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) words.push_back(word);
  check<ConfigError>(!words.empty(), "[prosody_ssml] expected a text with words, got '{}'", {text});
  std::string out = "<speak><prosody range='" + percent(p.range) + "' rate='" + percent(p.rate) + "'>";
  for (size_t i = 0; i < words.size(); ++i) {
    const double place = words.size() > 1 ? static_cast<double>(i) / static_cast<double>(words.size() - 1) : 0;
    const bool strong = p.emphasis > 0 && i % static_cast<size_t>(p.emphasis) == 0;
    const double pitch = course(p.pitch, place) + (strong ? kStressPitch : 0), volume = course(p.volume, place) + (strong ? kStressVolume : 0);
    out += std::string(i > 0 ? " " : "") + "<prosody pitch='" + percent(100 + pitch) + "' volume='" + percent(100 + volume) + "'>" +
           escaped(words[i]) + "</prosody>";
  }
  return out + "</prosody></speak>";
}

std::vector<Tensor> speak(const std::vector<Utterance>& utterances, const SpeakOptions& options, const ProgressCallback& progress,
                          const CancelToken& cancel) {
  options.validate();
  std::string key = detail::espeak_version(options.program, "speak") + " " + std::to_string(options.sample_rate_hz);
  for (const Utterance& u : utterances) {
    check<ConfigError>(u.pitch >= 0 && u.pitch <= 99 && u.speed_wpm >= 80 && u.speed_wpm <= 450,
                       "[speak] expected pitch 0..99 and speed_wpm 80..450, got {} and {}", {u.pitch, u.speed_wpm});
    key += "\n" + u.voice + " " + std::to_string(u.pitch) + " " + std::to_string(u.speed_wpm) + " " + prosody_ssml(u.text, u.prosody);
  }
  const std::filesystem::path file = options.cache / ("prosody-" + sha256(key).substr(0, 16) + ".safetensors");
  const auto count = std::ssize(utterances);
  if (!options.cache.empty())
    if (const auto bank = load_cache(file, count)) return waveforms_of(*bank);

  const auto start = std::chrono::steady_clock::now();
  std::vector<std::vector<int16_t>> said(utterances.size());
  const auto one = [&](int64_t i) {
    cancel.check("speak");
    said[static_cast<size_t>(i)] = say(utterances[static_cast<size_t>(i)], options);
  };
  const auto report = [&](int64_t done) {
    cancel.check("speak");
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (progress) progress({.stage = "speak", .done = done, .total = count, .seconds = seconds.count()});
  };
  run_jobs(count, options.workers == 0 ? num_cores() : options.workers, one, report);

  std::vector<int16_t> all;
  Bank bank{.samples = {}, .lengths = at::empty({count}, at::kLong)};
  for (size_t i = 0; i < said.size(); ++i) {
    bank.lengths[static_cast<int64_t>(i)].fill_(std::ssize(said[i]));
    all.insert(all.end(), said[i].begin(), said[i].end());
  }
  bank.samples = at::empty({std::ssize(all)}, at::kShort);
  std::ranges::copy(all, bank.samples.mutable_data_ptr<int16_t>());
  if (!options.cache.empty()) {
    try {
      std::error_code error;
      std::filesystem::create_directories(options.cache, error);
      save_safetensors(file, {{"samples", bank.samples}, {"lengths", bank.lengths}}, {{"sha256", digest_of(bank)}});
    } catch (const Error& error) {
      log_message(LogLevel::warning, format_message("[speak] the speech is not kept for the next time: {}", {error.what()}));
    }
  }
  return waveforms_of(bank);
}

}  // namespace alloy
