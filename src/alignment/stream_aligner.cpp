// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/stream_aligner.hpp>

#include "alignment/detail/stream_core.hpp"

#include <ATen/Functions.h>

#include <algorithm>

namespace alloy {

/// Beside the streams, where the window that is written lies: filled anew by each pop, of a size that never changes.
class StreamAligner::Core : public detail::StreamCore {
 public:
  explicit Core(StreamAlignerOptions options) : StreamCore(std::move(options)), steps(this->options().modalities.size()) {}
  std::vector<detail::StreamSteps> steps;
};

StreamAligner::StreamAligner(StreamAlignerOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
StreamAligner::~StreamAligner() = default;

void StreamAligner::push(std::string_view modality, std::span<const double> times, std::span<const float> values) {
  core_->push(core_->find(modality), times, values);
}

void StreamAligner::push(std::string_view modality, const Tensor& times, const Tensor& values) {
  const size_t m = core_->find(modality);
  check_shape(times, {-1}, "StreamAligner", "times [N]");
  check_shape(values, {times.size(0), core_->options().modalities[m].dim}, "StreamAligner", "values [N, D]");
  check<ShapeError>(times.is_cpu() && values.is_cpu(), "[StreamAligner] expected times and values on the CPU, got {} and {}", {times, values});
  const Tensor t = times.to(at::kDouble).contiguous(), v = values.to(at::kFloat).contiguous();
  core_->push(m, {t.const_data_ptr<double>(), static_cast<size_t>(t.numel())}, {v.const_data_ptr<float>(), static_cast<size_t>(v.numel())});
}

StreamWindow StreamAligner::make_window() const {
  const int64_t steps = options().window_steps;
  const Tensor times = at::zeros({1, steps}, at::kDouble);
  StreamWindow window;
  for (const StreamModality& modality : options().modalities)
    window.inputs.insert(modality.name, {.values = at::zeros({1, steps, modality.dim}, at::kFloat),
                                         .mask = at::zeros({1, steps}, at::kBool),
                                         .present = at::zeros({1}, at::kBool),
                                         .times = times,
                                         .extra = {}});
  return window;
}

bool StreamAligner::pop(StreamWindow& window) {
  const StreamAlignerOptions& o = options();
  const auto fits = [&](const Tensor& t, at::ScalarType dtype, int64_t numel) {
    return t.defined() && t.is_cpu() && t.is_contiguous() && t.scalar_type() == dtype && t.numel() == numel;
  };
  bool made_here = window.inputs.size() == o.modalities.size();
  size_t m = 0;
  for (auto& [name, input] : window.inputs) {
    if (!made_here) break;
    const StreamModality& modality = o.modalities[m];
    made_here = name == modality.name && fits(input.values, at::kFloat, o.window_steps * modality.dim) &&
                fits(input.mask, at::kBool, o.window_steps) && fits(input.present, at::kBool, 1) && fits(input.times, at::kDouble, o.window_steps);
    if (made_here)
      core_->steps[m++] = {input.values.mutable_data_ptr<float>(), input.mask.mutable_data_ptr<bool>(), input.present.mutable_data_ptr<bool>()};
  }
  check<ShapeError>(made_here, "[StreamAligner] expected a window that make_window of this aligner made, got another");
  double* const times = window.inputs.begin()->second.times.mutable_data_ptr<double>();
  const auto popped = core_->pop(times, core_->steps);
  if (!popped) return false;
  for (auto& [name, input] : window.inputs)  // a copied window may have times of its own for each
    if (double* const own = input.times.mutable_data_ptr<double>(); own != times) std::copy_n(times, o.window_steps, own);
  window.first_step = popped->first_step;
  window.release = popped->release;
  return true;
}

void StreamAligner::finish() { core_->finish(); }
void StreamAligner::restart(double start_seconds) { core_->restart(start_seconds); }
StreamCounts StreamAligner::counts(std::string_view modality) const { return core_->counts(core_->find(modality)); }
const StreamAlignerOptions& StreamAligner::options() const { return core_->options(); }

}  // namespace alloy
