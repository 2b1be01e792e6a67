// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/two_recordings.hpp>

#include <alloy/io/audio_file.hpp>
#include <alloy/preprocess/waveform.hpp>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace alloy {

namespace {

/// Two whole rates whose ratio is nearest to 1 + drift.
struct Rates {
  int64_t from = 0, to = 0;
  double drift() const { return static_cast<double>(to - from) / static_cast<double>(from); }
};
Rates rates_for(double drift) {
  Rates best;
  double least = 1;
  for (int64_t from = 600'000; from < 700'000; ++from) {
    const Rates rates{from, std::llround(static_cast<double>(from) * (1 + drift))};
    if (const double error = std::abs(rates.drift() - drift); error < least) {
      least = error;
      best = rates;
    }
  }
  return best;
}

/// Direct sound, and echoes that decay exponentially: noise with half of its power.
Tensor in_room(const Tensor& sound, int64_t rate, double seconds, Random& random) {
  if (seconds == 0) return sound;
  const auto length = static_cast<int64_t>(seconds * static_cast<double>(rate)) + 1, silent = rate / 200;  // the first echo after 5 ms
  Tensor echoes = at::zeros({silent + length}, at::kDouble);
  double* values = echoes.mutable_data_ptr<double>() + silent;
  for (int64_t i = 0; i < length; ++i) values[i] = random.normal() * std::pow(10.0, -3.0 * static_cast<double>(i) / static_cast<double>(length));
  echoes = echoes * (0.5 / echoes.norm().item<double>());
  echoes[0] = 1;
  const auto size = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(sound.size(0) + echoes.size(0))));
  return at::fft_irfft(at::fft_rfft(sound.to(at::kDouble), size) * at::fft_rfft(echoes, size), size).narrow(0, 0, sound.size(0)).to(at::kFloat);
}

void add_at(Tensor& sound, int64_t start, const Tensor& part) {
  const int64_t count = std::min(part.size(0), sound.size(0) - start);
  if (count > 0) sound.narrow(0, start, count).add_(part.narrow(0, 0, count));
}

}  // namespace

void TwoRecordingsOptions::validate() const {
  const auto range = [](std::string_view name, double value, double low, double high) {
    check<ConfigError>(value >= low && value <= high, "[TwoRecordings] expected {} in {}..{}, got {}", {name, low, high, value});
  };
  range("seconds", seconds, 1, 3600);
  range("delay_seconds", delay_seconds, -100, 100);
  range("drift_ppm", drift_ppm, -10'000, 10'000);
  range("snr_db", snr_db, -100, 100);
  range("room_seconds", room_seconds, 0, 5);
}

Tensor spoken_event(const SpeechBank& bank, double seconds, int64_t seed) {
  check<ConfigError>(seconds > 0 && seconds <= 7200, "[spoken_event] expected seconds in 0..7200, got {}", {seconds});
  Random random(mix_seed({static_cast<uint64_t>(seed), 1}));
  const auto rate = static_cast<double>(bank.options.sample_rate_hz);
  const Tensor words = bank.waveforms.reshape({-1, bank.waveforms.size(-1)}), lengths = bank.lengths.reshape({-1});
  Tensor sound = at::zeros({std::llround(seconds * rate)}, at::kFloat);
  for (int64_t at = 0, word = 0; at < sound.size(0); ++word) {
    const int64_t which = random.below(words.size(0)), length = lengths[which].item<int64_t>();
    add_at(sound, at, words[which].narrow(0, 0, length).to(at::kFloat) / 32768.0);
    const auto pause = static_cast<int64_t>(random.uniform(0.1, 1.5) * rate);
    if (word % 4 == 3) {  // a knock: noise that is gone after 20 ms
      Tensor knock = at::empty({static_cast<int64_t>(0.05 * rate)}, at::kFloat);
      for (int64_t i = 0; i < knock.size(0); ++i) knock[i] = 0.3 * random.normal() * std::exp(-static_cast<double>(i) / (0.005 * rate));
      add_at(sound, at + length + pause / 2, knock);
    }
    at += length + pause;
  }
  return sound;
}

TwoRecordings record_twice(const Tensor& event, int64_t sample_rate_hz, const TwoRecordingsOptions& o) {
  o.validate();
  check_shape(event, {-1}, "record_twice", "event");
  check<ShapeError>(event.scalar_type() == at::kFloat, "[record_twice] expected a float event, got {}", {event});
  check<ConfigError>(sample_rate_hz > 0, "[record_twice] expected sample_rate_hz > 0, got {}", {sample_rate_hz});
  const auto rate = static_cast<double>(sample_rate_hz);
  const Rates rates = rates_for(o.drift_ppm * 1e-6);
  const double stretch = 1 + rates.drift();
  const int64_t apart = std::llround(o.delay_seconds / stretch * rate),
                length = std::llround(o.seconds * rate);  // starts of the devices, in samples of the event
  const int64_t first_start = std::max<int64_t>(apart, 0), second_start = std::max<int64_t>(-apart, 0), needed = length + std::abs(apart);
  check<ShapeError>(event.size(0) >= needed, "[record_twice] expected an event of at least {} samples, got {}", {needed, event});

  Random random(mix_seed({static_cast<uint64_t>(o.seed), 2}));
  const Tensor a = in_room(event, sample_rate_hz, o.room_seconds, random), b = in_room(event, sample_rate_hz, o.room_seconds, random);
  const Tensor heard = b.narrow(0, second_start, length).contiguous();
  const Audio own{.samples = {heard.const_data_ptr<float>(), heard.const_data_ptr<float>() + heard.numel()}, .sample_rate_hz = rates.from};
  const Audio drifted = resample(own, rates.to);
  const auto noisy = [&](const Tensor& sound) { return add_noise(sound.contiguous(), o.snr_db, random); };
  return {.first = noisy(a.narrow(0, first_start, length)),
          .second = noisy(at::tensor(at::ArrayRef<float>(drifted.samples), at::kFloat)),
          .sample_rate_hz = sample_rate_hz,
          .delay_seconds = stretch * static_cast<double>(first_start - second_start) / rate,
          .drift_ppm = rates.drift() * 1e6};
}

}  // namespace alloy
