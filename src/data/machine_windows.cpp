// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/machine_windows.hpp>

#include <alloy/alignment/clock.hpp>
#include <alloy/io/time_stamp.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

constexpr double kHour = 3600;
constexpr double kMostSteps = 1 << 24;  // of one machine

std::string group_of(const std::string& channel) { return channel.substr(0, channel.find('.')); }

struct Usual {
  float median = 0, spread = 0;
};

/// Of values that are no gap; a spread of 0 if they never change.
Usual usual_of(std::vector<float> values) {
  if (values.empty()) return {};
  const auto middle = [](std::vector<float>& v) {
    const auto half = v.begin() + static_cast<int64_t>(v.size() / 2);
    std::nth_element(v.begin(), half, v.end());
    return *half;
  };
  Usual usual{.median = middle(values)};
  double sum = 0, squares = 0;
  for (const float v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (const float v : values) squares += (v - mean) * (v - mean);
  const bool changes = std::ranges::any_of(values, [&](float v) { return v != values.front(); });
  for (float& v : values) v = std::abs(v - usual.median);
  usual.spread = 1.4826F * middle(values);
  if (usual.spread <= 0 && changes) usual.spread = static_cast<float>(std::sqrt(squares / static_cast<double>(values.size())));
  return usual;
}

/// Scales each channel of [N, C] in place by what is usual in its first steps.
void scale_by_usual(Tensor& values, int64_t baseline_steps) {
  const int64_t steps = values.size(0), channels = values.size(1);
  auto* data = values.mutable_data_ptr<float>();
  for (int64_t c = 0; c < channels; ++c) {
    const auto finite = [&](int64_t count) {
      std::vector<float> found;
      for (int64_t t = 0; t < count; ++t)
        if (std::isfinite(data[t * channels + c])) found.push_back(data[t * channels + c]);
      return found;
    };
    Usual usual = usual_of(finite(std::min(baseline_steps, steps)));
    if (usual.spread <= 0) usual = usual_of(finite(steps));
    for (int64_t t = 0; t < steps; ++t) {
      float& v = data[t * channels + c];
      if (std::isfinite(v)) v = usual.spread > 0 ? std::asinh((v - usual.median) / usual.spread) : 0.0F;
    }
  }
}

}  // namespace

void MachineWindowOptions::validate() const {
  check<ConfigError>(step_s > 0 && std::isfinite(step_s) && steps >= 1 && steps <= 100'000,
                     "[MachineWindows] expected step_s > 0 and steps in 1..100000, got {} and {}", {step_s, steps});
  check<ConfigError>(baseline_h > 0, "[MachineWindows] expected baseline_h > 0, got {}", {baseline_h});
  check<ConfigError>(least_measured >= 0 && least_measured <= 1, "[MachineWindows] expected least_measured in 0..1, got {}", {least_measured});
}

MachineWindows::MachineWindows(const MachineRecords& records, MachineWindowOptions options) : options_((options.validate(), std::move(options))) {
  std::vector<int64_t> context;
  for (size_t c = 0; c < records.channels.size(); ++c) {
    const std::string group = group_of(records.channels[c]);
    if (!options_.context.empty() && group == options_.context) {
      context.push_back(static_cast<int64_t>(c));
      continue;
    }
    const auto place = static_cast<size_t>(std::ranges::find(groups_, group) - groups_.begin());
    if (place == groups_.size()) groups_.push_back(group), columns_.emplace_back();
    columns_[place].push_back(static_cast<int64_t>(c));
  }
  check<ConfigError>(!groups_.empty(), "[MachineWindows] expected channels beside those of the context `{}`, got only: {}",
                     {options_.context, records.channels});
  for (auto& columns : columns_) {
    own_.push_back(std::ssize(columns));
    columns.insert(columns.end(), context.begin(), context.end());
  }
  const auto baseline = static_cast<int64_t>(std::ceil(options_.baseline_h * kHour / options_.step_s));
  for (const MachineSeries& machine : records.machines) {
    const Series& series = machine.series;
    check_shape(series.values, {series.times.size(0), static_cast<int64_t>(records.channels.size())}, "MachineWindows",
                "values of a machine's series");
    const double begin = std::floor(series.times[0].item<double>() / options_.step_s),
                 end = std::floor(series.times[-1].item<double>() / options_.step_s) + 1;
    if (!(end - begin <= kMostSteps))
      fail<ConfigError>("[MachineWindows] expected at most 2^24 steps, got {} of {} s for {}, from {} to {}",
                        {end - begin, options_.step_s, machine.machine, time_stamp(series.times[0].item<double>()),
                         time_stamp(series.times[-1].item<double>())});
    const Tensor ends = (torch::arange(static_cast<int64_t>(end - begin), torch::kDouble) + begin + 1) * options_.step_s;  // [N]
    const auto clocked = resample_to_clock({.values = series.values.to(torch::kFloat), .times = series.times}, ends - options_.step_s / 2,
                                           {.method = ClockMethod::window_mean, .window_seconds = options_.step_s});
    Tensor values = torch::where(clocked.measured, clocked.values, NAN).contiguous();  // [N, C]
    scale_by_usual(values, baseline);
    machines_.push_back({.times = ends, .scaled = values});
  }
}

int64_t MachineWindows::channels(std::string_view group) const {
  const auto place = std::ranges::find(groups_, group);
  check<ConfigError>(place != groups_.end(), "[MachineWindows] expected a group of channels, got '{}', known: {}", {group, groups_});
  return std::ssize(columns_[static_cast<size_t>(place - groups_.begin())]) + 1;
}

const MachineWindows::Clocked& MachineWindows::at(int64_t machine) const {
  check<DataError>(machine >= 0 && machine < num_machines(), "[MachineWindows] expected a machine below {}, got {}", {num_machines(), machine});
  return machines_[static_cast<size_t>(machine)];
}

const Tensor& MachineWindows::clock(int64_t machine) const { return at(machine).times; }
const Tensor& MachineWindows::scaled(int64_t machine) const { return at(machine).scaled; }

Tensor MachineWindows::group_window(const Clocked& machine, size_t group, int64_t end) const {
  const std::vector<int64_t>& columns = columns_[group];
  const int64_t length = options_.steps, width = std::ssize(columns) + 1, channels = machine.scaled.size(1);
  const int64_t last = std::min(end, machine.scaled.size(0));
  Tensor window = torch::zeros({length, width}, torch::kFloat);
  auto* out = window.mutable_data_ptr<float>();
  const auto* in = machine.scaled.const_data_ptr<float>();
  int64_t measured = 0;
  for (int64_t i = 0; i < length; ++i) {
    const int64_t step = end - length + i;
    float* row = out + i * width;
    bool seen = false;
    for (int64_t c = 0; c + 1 < width; ++c) {
      const float value = step >= 0 && step < last ? in[step * channels + columns[static_cast<size_t>(c)]] : NAN;
      if (std::isfinite(value)) {
        row[c] = value;
        seen = seen || c < own_[group];
      } else if (i > 0) {
        row[c] = row[c - width];
      }
    }
    row[width - 1] = seen ? 1.0F : 0.0F;
    measured += seen ? 1 : 0;
  }
  const bool absent = measured == 0 || static_cast<double>(measured) < options_.least_measured * static_cast<double>(length);
  return absent ? Tensor() : window;
}

ModalityMap<Tensor> MachineWindows::window(int64_t machine, double stop_s) const {
  const Clocked& clocked = at(machine);
  const double first = clocked.times[0].item<double>();
  const double steps = std::floor((stop_s - first) / options_.step_s + 1e-9) + 1;  // that ended by stop_s
  ModalityMap<Tensor> found;
  if (!std::isfinite(steps) || steps <= 0 || steps > static_cast<double>(clocked.times.size(0) + options_.steps)) return found;
  for (size_t g = 0; g < groups_.size(); ++g)
    if (Tensor window = group_window(clocked, g, static_cast<int64_t>(steps)); window.defined()) found.insert(groups_[g], std::move(window));
  return found;
}

Batch MachineWindows::batch(int64_t machine, std::span<const double> stops_s) const {
  check<ShapeError>(!stops_s.empty(), "[MachineWindows] expected at least one moment, got none");
  std::vector<ModalityMap<Tensor>> windows;
  for (const double stop : stops_s) windows.push_back(window(machine, stop));
  Batch batch;
  for (const std::string& group : groups_) {
    std::vector<Tensor> rows;
    Tensor present = torch::zeros({std::ssize(windows)}, torch::kBool);
    for (size_t i = 0; i < windows.size(); ++i) {
      const Tensor* found = windows[i].find(group);
      present[static_cast<int64_t>(i)] = found != nullptr;
      rows.push_back(found != nullptr ? *found : torch::zeros({options_.steps, channels(group)}));
    }
    if (present.any().item<bool>()) batch.insert(group, {.values = torch::stack(rows), .present = present});
  }
  return batch;
}

}  // namespace alloy
