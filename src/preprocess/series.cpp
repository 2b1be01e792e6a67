// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/series.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace alloy {

namespace {

bool is_series_dtype(const Tensor& t) {
  return t.defined() && t.is_cpu() && (t.scalar_type() == at::kFloat || t.scalar_type() == at::kDouble);
}

void check_values(const Tensor& values, std::string_view where) {
  check<ShapeError>(is_series_dtype(values) && values.dim() == 2 && values.numel() > 0,
                    "[{}] expected values float32 or float64 [T, C] on the CPU with T > 0 and C > 0, got {}", {where, values});
}

// Calls `work` with a pointer to the values, const or not, in their own dtype.
template <class Work>
void by_dtype(const Tensor& values, Work&& work) {
  if (values.scalar_type() == at::kFloat) work(values.data_ptr<float>());
  else work(values.data_ptr<double>());
}

Tensor checked_times(const Series& series, std::string_view where) {
  const Tensor& times = series.times;
  check<ShapeError>(times.defined() && times.is_cpu() && times.dim() == 1 && times.size(0) == series.values.size(0) &&
                        (at::isFloatingType(times.scalar_type()) || at::isIntegralType(times.scalar_type(), /*includeBool=*/false)),
                    "[{}] expected times of shape [{}] (as many as values) on the CPU, got {}",
                    {where, series.values.size(0), times});
  const Tensor result = times.to(at::kDouble).contiguous();
  const double* t = result.const_data_ptr<double>();
  for (int64_t i = 0; i < result.size(0); ++i)
    check<DataError>(std::isfinite(t[i]), "[{}] expected finite times, got {} at step {}", {where, t[i], i});
  return result;
}

Tensor row(const std::vector<double>& numbers) { return torch::tensor(numbers, torch::kDouble); }

void check_channels(const Tensor& values, size_t channels, std::string_view where) {
  check<ShapeError>(is_series_dtype(values) && values.dim() >= 1 && values.size(-1) == static_cast<int64_t>(channels),
                    "[{}] expected values float32 or float64 [..., {}] on the CPU, got {}", {where, channels, values});
}

}  // namespace

Series sort_and_merge(const Series& series) {
  check_values(series.values, "sort_and_merge");
  const Tensor stamps = checked_times(series, "sort_and_merge");
  const Tensor values = series.values.contiguous();
  const int64_t steps = values.size(0), channels = values.size(1);
  const double* t = stamps.const_data_ptr<double>();
  std::vector<int64_t> order(static_cast<size_t>(steps));
  std::iota(order.begin(), order.end(), 0);
  if (!std::is_sorted(t, t + steps)) std::ranges::stable_sort(order, {}, [t](int64_t i) { return t[i]; });

  std::vector<int64_t> starts;  // where in `order` each stamp begins
  for (int64_t i = 0; i < steps; ++i)
    if (i == 0 || t[order[static_cast<size_t>(i)]] != t[order[static_cast<size_t>(i - 1)]]) starts.push_back(i);
  const auto stamps_left = static_cast<int64_t>(starts.size());
  starts.push_back(steps);

  Tensor new_times = torch::empty({stamps_left}, torch::kDouble);
  Tensor new_values = torch::empty({stamps_left, channels}, values.options());
  by_dtype(values, [&]<class T>(const T* in) {
    T* out = new_values.data_ptr<T>();
    for (int64_t s = 0; s < stamps_left; ++s) {
      const int64_t begin = starts[static_cast<size_t>(s)], end = starts[static_cast<size_t>(s + 1)];
      new_times.data_ptr<double>()[s] = t[order[static_cast<size_t>(begin)]];
      for (int64_t c = 0; c < channels; ++c) {
        double mean = 0;  // as a running mean, which cannot overflow where the values are of one sign
        int64_t count = 0;
        for (int64_t i = begin; i < end; ++i) {
          const double value = in[order[static_cast<size_t>(i)] * channels + c];
          if (std::isfinite(value)) mean += (value - mean) / static_cast<double>(++count);
        }
        *out++ = count > 0 ? static_cast<T>(mean) : std::numeric_limits<T>::quiet_NaN();
      }
    }
  });
  return {.times = new_times, .values = new_values};
}

FilledSeries fill_gaps(const Tensor& values, GapFill fill) {
  check_values(values, "fill_gaps");
  FilledSeries result{.values = values.clone(at::MemoryFormat::Contiguous), .measured = torch::empty(values.sizes(), torch::kBool)};
  const int64_t steps = values.size(0), channels = values.size(1);
  bool* measured = result.measured.data_ptr<bool>();
  by_dtype(result.values, [&]<class T>(T* v) {
    for (int64_t i = 0; i < steps * channels; ++i) {
      measured[i] = std::isfinite(v[i]);
      if (!measured[i]) v[i] = fill == GapFill::forward && i >= channels ? v[i - channels] : T{0};
    }
  });
  return result;
}

void SeriesScaler::validate() const {
  check<ConfigError>(mean.size() == std.size(), "[SeriesScaler] expected as many means as stds, got {} and {}",
                     {mean.size(), std.size()});
  for (size_t c = 0; c < mean.size(); ++c)
    check<ConfigError>(std::isfinite(mean[c]) && std[c] >= 0 && std::isfinite(std[c]),
                       "[SeriesScaler] expected a finite mean and a finite std >= 0 of channel {}, got {} and {}",
                       {c, mean[c], std[c]});
}

Tensor SeriesScaler::apply(const Tensor& values) const {
  validate();
  check_channels(values, mean.size(), "SeriesScaler::apply");
  const Tensor scale = row(std), x = values.to(at::kDouble);
  const Tensor scaled = (x - row(mean)) / at::where(scale > 0, scale, 1.0);
  return at::where(x.isfinite(), at::where(scale > 0, scaled, 0.0), NAN).to(values.scalar_type());
}

Tensor SeriesScaler::invert(const Tensor& values) const {
  validate();
  check_channels(values, mean.size(), "SeriesScaler::invert");
  return (values.to(at::kDouble) * row(std) + row(mean)).to(values.scalar_type());
}

SeriesScaler fit_scaler(const Tensor& values) {
  check_values(values, "fit_scaler");
  const Tensor in = values.contiguous();
  const auto channels = static_cast<size_t>(in.size(1));
  std::vector<double> mean(channels, 0.0), squares(channels, 0.0), low(channels, INFINITY), high(channels, -INFINITY);
  std::vector<int64_t> count(channels, 0);
  by_dtype(in, [&]<class T>(const T* v) {  // Welford 1962: one pass, no cancellation
    for (int64_t t = 0; t < in.size(0); ++t)
      for (size_t c = 0; c < channels; ++c) {
        const double value = *v++;
        if (!std::isfinite(value)) continue;
        const double before = value - mean[c];
        mean[c] += before / static_cast<double>(++count[c]);
        squares[c] += before * (value - mean[c]);
        low[c] = std::min(low[c], value), high[c] = std::max(high[c], value);
      }
  });
  SeriesScaler scaler{.mean = mean, .std = std::vector<double>(channels, 0.0)};
  for (size_t c = 0; c < channels; ++c) {
    if (count[c] == 0) continue;
    if (low[c] == high[c]) {  // exactly: rounding must not make a constant channel vary
      scaler.mean[c] = low[c];
      continue;
    }
    scaler.std[c] = std::sqrt(squares[c] / static_cast<double>(count[c]));
    check<DataError>(std::isfinite(scaler.std[c]), "[fit_scaler] expected values of finite variance, got {}..{} in channel {}",
                     {low[c], high[c], c});
  }
  return scaler;
}

void SeriesWindowOptions::validate() const {
  constexpr int64_t kMost = int64_t{1} << 24;
  check<ConfigError>(window_size > 0 && window_size <= kMost, "[series_windows] expected window_size in 1..{}, got {}",
                     {kMost, window_size});
  check<ConfigError>(hop_size > 0 && hop_size <= kMost, "[series_windows] expected hop_size in 1..{}, got {}", {kMost, hop_size});
}

SeriesWindows series_windows(const Series& series, const SeriesWindowOptions& o) {
  o.validate();
  check_values(series.values, "series_windows");
  Tensor times = checked_times(series, "series_windows");  // [T]
  const int64_t steps = times.size(0);
  const double* t = times.const_data_ptr<double>();
  for (int64_t i = 1; i < steps; ++i)
    check<DataError>(t[i - 1] < t[i],
                     "[series_windows] expected strictly ascending times (see sort_and_merge), got {} after {} at step {}",
                     {t[i], t[i - 1], i});

  auto [values, measured] = fill_gaps(series.values, o.fill);  // [T, C]
  Tensor mask = measured.any(1);                               // [T]
  int64_t windows = steps < o.window_size ? 1 : 1 + (steps - o.window_size) / o.hop_size;
  const int64_t reached = (windows - 1) * o.hop_size + o.window_size;
  if (o.tail == SeriesTail::pad && reached < steps) ++windows;
  const int64_t padding = std::max<int64_t>((windows - 1) * o.hop_size + o.window_size - steps, 0);
  if (padding > 0) {
    values = at::constant_pad_nd(values, {0, 0, 0, padding});
    mask = at::constant_pad_nd(mask, {0, padding}, false);
    times = at::constant_pad_nd(times, {0, padding}, t[steps - 1]);
  }
  const auto cut = [&](const Tensor& x) { return x.unfold(0, o.window_size, o.hop_size).narrow(0, 0, windows); };
  mask = cut(mask);                                                   // [N, L]
  const Tensor kept = mask.any(1).nonzero().squeeze(1);               // [N']
  check<DataError>(kept.size(0) > 0, "[series_windows] expected at least one measured value, got {} steps of gaps alone", {steps});
  return {.values = cut(values).index_select(0, kept).transpose(1, 2).contiguous(),  // [N', L, C]
          .mask = mask.index_select(0, kept),
          .times = cut(times).index_select(0, kept)};
}

}  // namespace alloy
