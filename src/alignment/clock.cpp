// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/clock.hpp>

#include "alignment/detail/clock_weights.hpp"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>

namespace alloy {

namespace {

constexpr std::string_view kWhere = "resample_to_clock";

bool is_real(at::ScalarType type) { return at::isFloatingType(type) || at::isIntegralType(type, /*includeBool=*/false); }

/// [B, N] double on the CPU.
Tensor rows_of_times(const Tensor& times, int64_t rank, std::string_view what) {
  check<ShapeError>(times.defined() && times.dim() == rank && is_real(times.scalar_type()), "[{}] expected {} [{}] of numbers, got {}",
                    {kWhere, what, rank == 1 ? "T" : "B, T", times});
  const Tensor x = times.detach().to(at::kCPU, at::kDouble).contiguous();
  return rank == 1 ? x.unsqueeze(0) : x;
}

void check_clock(const Tensor& clock) {
  check<ShapeError>(clock.size(1) > 0, "[{}] expected at least one tick, got none", {kWhere});
  for (int64_t b = 0; b < clock.size(0); ++b) {
    const double* ticks = clock.const_data_ptr<double>() + b * clock.size(1);
    for (int64_t s = 0; s < clock.size(1); ++s)
      check<DataError>(std::isfinite(ticks[s]) && (s == 0 || ticks[s - 1] < ticks[s]),
                       "[{}] expected a clock that ascends, got {} at tick {} of row {}", {kWhere, ticks[s], s, b});
  }
}

/// A stream with one row, or one for each batch element, each of `channels` columns.
struct Streams {
  Tensor values;  // [B, T, C] with gradient
  Tensor times;   // [B, T] double
  Tensor usable;  // [B, T] or, with gaps of single channels, [B, T, C] bool on the CPU
  bool by_channel = false;
};

void check_finite_where_usable(const Streams& x, const Tensor& finite) {
  const Tensor bad = finite.logical_not().logical_and(x.usable.unsqueeze(2));
  if (!bad.any().item<bool>()) return;
  const Tensor place = bad.nonzero()[0];
  fail<DataError>(
      "[{}] expected finite values, got one that is not at step {} of row {}, channel {}; NonFiniteValue::missing takes it as not measured",
      {kWhere, place[1].item<int64_t>(), place[0].item<int64_t>(), place[2].item<int64_t>()});
}

Streams read_streams(const TimedStream& stream, const ClockOptions& options) {
  check<ShapeError>(stream.values.defined() && stream.values.dim() >= 1 && at::isFloatingType(stream.values.scalar_type()),
                    "[{}] expected floating values [T, ...] or [B, T, ...], got {}", {kWhere, stream.values});
  check<ShapeError>(stream.times.defined() && (stream.times.dim() == 1 || stream.times.dim() == 2), "[{}] expected times [T] or [B, T], got {}",
                    {kWhere, stream.times});
  const int64_t rank = stream.times.dim();
  check<ShapeError>(stream.values.dim() >= rank && stream.values.sizes().slice(0, static_cast<size_t>(rank)) == stream.times.sizes(),
                    "[{}] expected a time for each step, got values {} and times {}", {kWhere, stream.values, stream.times});
  Streams out;
  out.times = rows_of_times(stream.times, rank, "times");
  const int64_t batch = out.times.size(0), steps = out.times.size(1);
  int64_t channels = 1;
  for (int64_t d = rank; d < stream.values.dim(); ++d) channels *= stream.values.size(d);
  out.values = stream.values.reshape({batch, steps, channels});
  out.usable = at::ones({batch, steps}, at::kBool);
  if (stream.mask.defined()) {
    check<ShapeError>(stream.mask.scalar_type() == at::kBool && stream.mask.sizes() == stream.times.sizes(),
                      "[{}] expected a bool mask as the times, {}, got {}", {kWhere, stream.times, stream.mask});
    out.usable = stream.mask.detach().to(at::kCPU).reshape({batch, steps}).contiguous();
  }
  const Tensor bad = out.times.isfinite().logical_not().logical_and(out.usable);
  if (bad.any().item<bool>()) {
    const Tensor place = bad.nonzero()[0];
    fail<DataError>("[{}] expected finite times, got {} at step {} of row {}",
                    {kWhere, out.times[place[0]][place[1]].item<double>(), place[1].item<int64_t>(), place[0].item<int64_t>()});
  }
  if (options.non_finite == NonFiniteValue::keep || out.values.numel() == 0) return out;
  const Tensor finite = out.values.detach().isfinite().to(at::kCPU);  // [B, T, C]
  if (options.non_finite == NonFiniteValue::reject) {
    check_finite_where_usable(out, finite);
  } else if (!finite.all().item<bool>()) {
    out.by_channel = channels > 1;
    out.usable = out.usable.unsqueeze(2).logical_and(finite).contiguous();  // [B, T, C]
    if (!out.by_channel) out.usable = out.usable.squeeze(2);
  }
  return out;
}

/// Rows of weights for every stream: batch element by batch element, within it channel by channel where channels differ.
detail::ClockWeights weights_of(const Streams& x, const Tensor& clock, const ClockOptions& options) {
  const int64_t batch = x.times.size(0), steps = x.times.size(1), columns = x.by_channel ? x.values.size(2) : 1;
  detail::ClockWeights rows;
  std::vector<double> times;
  std::vector<int64_t> sources;
  for (int64_t b = 0; b < batch; ++b) {
    const std::span ticks(clock.const_data_ptr<double>() + (clock.size(0) == 1 ? 0 : b * clock.size(1)), static_cast<size_t>(clock.size(1)));
    for (int64_t c = 0; c < columns; ++c) {
      times.clear();
      sources.clear();
      for (int64_t t = 0; t < steps; ++t) {
        if (!x.usable.const_data_ptr<bool>()[(b * steps + t) * columns + c]) continue;
        times.push_back(x.times.const_data_ptr<double>()[b * steps + t]);
        sources.push_back((b * columns + c) * steps + t);
      }
      add_clock_weights(rows, times, sources, ticks, options);
    }
  }
  return rows;
}

template <class T>
Tensor tensor_of(const std::vector<T>& values, at::ScalarType type) {
  return at::from_blob(const_cast<T*>(values.data()), {static_cast<int64_t>(values.size())}, type).clone();
}

}  // namespace

void ClockOptions::validate() const {
  check<ConfigError>(max_gap_seconds > 0, "[{}] expected max_gap_seconds > 0, got {}", {kWhere, max_gap_seconds});
  check<ConfigError>(window_seconds >= 0 && std::isfinite(window_seconds), "[{}] expected window_seconds >= 0, got {}", {kWhere, window_seconds});
}

Tensor uniform_clock(double start_seconds, double stop_seconds, double rate_hz) {
  check<ConfigError>(std::isfinite(start_seconds) && std::isfinite(stop_seconds) && start_seconds < stop_seconds,
                     "[uniform_clock] expected start < stop, got {} and {}", {start_seconds, stop_seconds});
  const double ticks = std::ceil((stop_seconds - start_seconds) * rate_hz * (1 - 1e-12));  // (stop - start) * rate that should be whole is
  check<ConfigError>(rate_hz > 0 && ticks <= 0x1p31, "[uniform_clock] expected rate_hz > 0 and at most 2^31 ticks, got {} Hz and {} ticks",
                     {rate_hz, ticks});
  return start_seconds + at::arange(static_cast<int64_t>(ticks), at::kDouble) / rate_hz;
}

Clocked resample_to_clock(const TimedStream& stream, const Tensor& clock, const ClockOptions& options) {
  options.validate();
  const Streams x = read_streams(stream, options);
  const int64_t batch = x.times.size(0), steps = x.times.size(1), channels = x.values.size(2);
  check<ShapeError>(clock.defined() && (clock.dim() == 1 || (clock.dim() == 2 && stream.times.dim() == 2 && clock.size(0) == batch)),
                    "[{}] expected a clock [S], or [B, S] for a batch of streams, got {} for times {}", {kWhere, clock, stream.times});
  const Tensor ticks = rows_of_times(clock, clock.dim(), "clock");
  check_clock(ticks);
  check<ConfigError>(options.method != ClockMethod::window_mean || options.window_seconds > 0 || ticks.size(1) > 1,
                     "[{}] expected window_seconds > 0 for a clock of one tick, got {}", {kWhere, options.window_seconds});

  const detail::ClockWeights rows = weights_of(x, ticks, options);
  const int64_t count = ticks.size(1), columns = x.by_channel ? channels : 1, width = x.by_channel ? 1 : channels;
  const Tensor table = (x.by_channel ? x.values.transpose(1, 2) : x.values).reshape({batch * columns * steps, width});
  const Tensor begins = tensor_of(rows.begins, at::kLong);
  Tensor values;  // [B columns S, width]
  if (rows.sources.empty()) {
    values = at::zeros({batch * columns * count, width}, x.values.options());
  } else {
    const at::Device device = x.values.device();
    values = std::get<0>(
        at::embedding_bag(table, tensor_of(rows.sources, at::kLong).to(device), begins.to(device), /*scale_grad_by_freq=*/false, /*mode=*/0,
                          /*sparse=*/false, tensor_of(rows.weights, at::kDouble).to(device, x.values.scalar_type()), /*include_last_offset=*/true));
  }
  Tensor measured = begins.diff().gt(0).to(x.values.device()).view({batch, columns, count});  // [B, columns, S]
  measured = measured.transpose(1, 2);                                                        // [B, S, columns]
  values = values.view({batch, columns, count, width});
  values = (x.by_channel ? values.squeeze(3).transpose(1, 2) : values.squeeze(1));  // [B, S, C]

  std::vector<int64_t> shape = stream.values.sizes().vec();
  shape[static_cast<size_t>(stream.times.dim() - 1)] = count;
  const Tensor mask = measured.any(2);
  return {.values = values.reshape(shape),
          .mask = stream.times.dim() == 1 ? mask.squeeze(0) : mask,
          .measured = measured.expand({batch, count, channels}).reshape(shape)};
}

}  // namespace alloy
