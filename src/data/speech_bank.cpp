// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/speech_bank.hpp>

#include "data/detail/espeak.hpp"

#include <alloy/core/jobs.hpp>
#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>
#include <alloy/io/audio_file.hpp>
#include <alloy/io/digest.hpp>
#include <alloy/io/safetensors.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <set>

namespace alloy {

namespace {

std::string digest_of(const SpeechBank& bank) {
  const auto bytes = [](const Tensor& t) { return std::string_view(static_cast<const char*>(t.const_data_ptr()), t.nbytes()); };
  return sha256(sha256(bytes(bank.waveforms)) + sha256(bytes(bank.lengths)));
}

/// Says one word, writes its samples and returns how many there are.
int64_t say(const SpeechBankOptions& o, size_t voice, size_t speed, size_t pitch, size_t word, int16_t* out) {
  const std::string where = "'" + o.words[word] + "' by voice " + o.voices[voice];
  Audio audio = detail::espeak_say(
      {.program = o.program, .voice = o.voices[voice], .speed_wpm = o.speeds_wpm[speed], .pitch = o.pitches[pitch], .text = o.words[word]},
      "make_speech_bank", where);
  detail::trim_silence(audio);  // before resampling: where a word ends must not hang on the rate
  check<DataError>(!audio.samples.empty(), "[make_speech_bank] expected sound for {}, got silence", {where});
  audio = resample(audio, o.sample_rate_hz);
  const size_t length = std::min(audio.samples.size(), static_cast<size_t>(o.samples));
  for (size_t i = 0; i < length; ++i) out[i] = static_cast<int16_t>(std::lround(std::clamp(audio.samples[i] * 32768.0F, -32768.0F, 32767.0F)));
  return static_cast<int64_t>(length);
}

/// Note [Ignored variants]: espeak-ng 1.51 says `en-gb+f2` exactly as `en-gb`. A test set of such voices would not be one
/// of unheard voices, hence the comparison.
void check_voices_differ(const SpeechBank& bank) {
  for (int64_t a = 0; a < bank.waveforms.size(0); ++a)
    for (int64_t b = 0; b < a; ++b)
      check<ConfigError>(!at::equal(bank.waveforms[a], bank.waveforms[b]), "[make_speech_bank] expected voices that differ, got {} and {}, which espeak-ng speaks alike",
                         {bank.options.voices[static_cast<size_t>(a)], bank.options.voices[static_cast<size_t>(b)]});
}

/// The bank of a cache file, or nothing if it cannot be used.
bool load_cache(SpeechBank& bank, const std::filesystem::path& file, const std::string& settings) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return false;
  try {
    SpeechBank read = bank;
    for (auto& [name, tensor] : load_safetensors(file)) {
      if (name == "waveforms") read.waveforms = tensor;
      if (name == "lengths") read.lengths = tensor;
    }
    std::string found, digest;
    for (const auto& [key, value] : read_safetensors_header(file).metadata) {
      if (key == "settings") found = value;
      if (key == "sha256") digest = value;
    }
    for (const auto& [is, wanted] : {std::pair{&read.waveforms, &bank.waveforms}, std::pair{&read.lengths, &bank.lengths}})
      check<DataError>(is->defined() && is->sizes() == wanted->sizes() && is->scalar_type() == wanted->scalar_type(), "other tensors than expected");
    check<DataError>(found == settings, "other settings than expected");
    check<DataError>(digest == digest_of(read), "content that does not fit its digest");
    bank = std::move(read);
    bank.from_cache = true;
    return true;
  } catch (const Error& error) {
    log_message(LogLevel::warning, format_message("[make_speech_bank] {} cannot be used and is made again: {}", {file, error.what()}));
    return false;
  }
}

void save_cache(const SpeechBank& bank, const std::filesystem::path& file, const std::string& settings) {
  try {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    save_safetensors(file, {{"waveforms", bank.waveforms}, {"lengths", bank.lengths}}, {{"settings", settings}, {"sha256", digest_of(bank)}});
  } catch (const Error& error) {
    log_message(LogLevel::warning, format_message("[make_speech_bank] the speech is not kept for the next time: {}", {error.what()}));
  }
}

}  // namespace

void SpeechBankOptions::validate() const {
  const auto names = [](std::string_view what, const std::vector<std::string>& list) {
    check<ConfigError>(!list.empty() && std::set(list.begin(), list.end()).size() == list.size() && std::ranges::find(list, "") == list.end(),
                       "[SpeechBank] expected {}, at least one, none empty, no repeats, got {}", {what, list});
  };
  const auto range = [](std::string_view what, int64_t low, int64_t high, const std::vector<int64_t>& list) {
    const bool good = !list.empty() && std::ranges::all_of(list, [&](int64_t x) { return x >= low && x <= high; });
    check<ConfigError>(good, "[SpeechBank] expected {} in {}..{}, at least one, got {}", {what, low, high, list});
  };
  names("words", words);
  names("voices", voices);
  range("speeds_wpm", 80, 450, speeds_wpm);
  range("pitches", 0, 99, pitches);
  range("sample_rate_hz", 4000, 48000, {sample_rate_hz});
  range("samples", 1, 1'000'000, {samples});
  range("workers", 0, 256, {workers});
}

SpeechBank make_speech_bank(const SpeechBankOptions& options, const ProgressCallback& progress, const CancelToken& cancel) {
  options.validate();
  const auto start = std::chrono::steady_clock::now();
  const auto size = [](const auto& list) { return std::ssize(list); };
  const int64_t speeds = size(options.speeds_wpm), pitches = size(options.pitches), words = size(options.words), voices = size(options.voices);
  SpeechBank bank{.options = options,
                  .waveforms = at::zeros({voices, speeds, pitches, words, options.samples}, at::kShort),
                  .lengths = at::zeros({voices, speeds, pitches, words}, at::kLong)};

  SpeechBankOptions key = options;  // what the sound depends on
  key.cache.clear();
  key.workers = 0;
  key.program = detail::espeak_version(options.program, "make_speech_bank") + ", trimmed first";  // the recipe is part of the key
  const std::string settings = to_json(to_config(key), /*indent=*/-1);
  const std::filesystem::path file = options.cache / ("speech-" + sha256(settings).substr(0, 16) + ".safetensors");
  if (!options.cache.empty() && load_cache(bank, file, settings)) return bank;

  const int64_t count = bank.lengths.numel();
  const auto one = [&](int64_t i) {
    cancel.check("make_speech_bank");
    int64_t rest = i;
    const auto part = [&](int64_t n) { return static_cast<size_t>(std::exchange(rest, rest / n) % n); };
    const size_t word = part(words), pitch = part(pitches), speed = part(speeds), voice = part(voices);
    bank.lengths.data_ptr<int64_t>()[i] = say(options, voice, speed, pitch, word, bank.waveforms.data_ptr<int16_t>() + i * options.samples);
  };
  const auto report = [&](int64_t done) {
    cancel.check("make_speech_bank");
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (progress) progress({.stage = "speak", .done = done, .total = count, .seconds = seconds.count()});
  };
  run_jobs(count, options.workers == 0 ? num_cores() : options.workers, one, report);
  check_voices_differ(bank);
  if (!options.cache.empty()) save_cache(bank, file, settings);
  return bank;
}

}  // namespace alloy
