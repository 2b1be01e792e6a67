// SPDX-License-Identifier: Apache-2.0
#include <alloy/core/encoder.hpp>

#include "core/detail/presence.hpp"

#include <torch/nn/modules/batchnorm.h>

namespace alloy {

namespace {

/// Batch norms refuse or degenerate on a single row: they use their running values for the scope.
class RunningStatistics {
 public:
  RunningStatistics(torch::nn::Module& module, bool active) {
    if (!active) return;
    for (const auto& child : module.modules())
      if (child->is_training() && (child->as<torch::nn::BatchNorm1dImpl>() || child->as<torch::nn::BatchNorm2dImpl>() ||
                                   child->as<torch::nn::BatchNorm3dImpl>())) {
        child->eval();
        changed_.push_back(child);
      }
  }
  ~RunningStatistics() {
    for (const auto& child : changed_) child->train();
  }
  RunningStatistics(const RunningStatistics&) = delete;
  RunningStatistics& operator=(const RunningStatistics&) = delete;

 private:
  std::vector<std::shared_ptr<torch::nn::Module>> changed_;
};

void check_features(const Features& f, const Encoder& encoder, int64_t batch, const Tensor& values, std::string_view name) {
  const auto require = [&](bool condition, std::string_view what, const Tensor& got) {
    check<ModelError>(condition, "[encoder '{}'] expected {}, got {}", {name, what, got});
  };
  require(f.pooled.defined() && f.pooled.dim() == 2 && f.pooled.size(0) == batch && f.pooled.size(1) == encoder.dim(),
          format_message("pooled features [{}, {}]", {batch, encoder.dim()}), f.pooled);
  require(f.pooled.device() == values.device(), format_message("features on {} like the input", {values.device()}), f.pooled);
  if (f.tokens.defined()) {
    require(f.tokens.dim() == 3 && f.tokens.size(0) == batch && f.tokens.size(2) == encoder.token_dim(),
            format_message("tokens [{}, T, {}]", {batch, encoder.token_dim()}), f.tokens);
    require(!f.mask.defined() || (f.mask.scalar_type() == at::kBool && f.mask.dim() == 2 && f.mask.size(0) == batch &&
                                  f.mask.size(1) == f.tokens.size(1)),
            "a bool mask [B, T] that fits the tokens", f.mask);
  } else {
    require(encoder.token_dim() == 0, format_message("tokens [{}, T, {}]", {batch, encoder.token_dim()}), f.tokens);
  }
}

Features call(Encoder& encoder, const ModalityInput& input, std::string_view name) {
  try {
    return encoder.forward(input);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    // c10's text carries a stack trace; its first line says what went wrong.
    std::throw_with_nested(ModelError(format_message("[encoder '{}'] expected forward to return, it threw: {}",
                                                     {name, error.what_without_backtrace()})));
  } catch (const std::exception& error) {
    std::throw_with_nested(ModelError(format_message("[encoder '{}'] expected forward to return, it threw: {}", {name, error.what()})));
  }
}

Features absent_features(const Encoder& encoder, const ModalityInput& input, int64_t batch) {
  at::ScalarType dtype = at::kFloat;  // follow the parameters, since token ids say nothing
  for (const Tensor& p : const_cast<Encoder&>(encoder).parameters())
    if (at::isFloatingType(p.scalar_type())) {
      dtype = p.scalar_type();
      break;
    }
  const auto like = at::TensorOptions().dtype(dtype).device(input.values.device());
  Features f{.pooled = at::zeros({batch, encoder.dim()}, like), .tokens = {}, .mask = {},
             .present = at::zeros({batch}, at::kBool), .times = {}};
  if (encoder.token_dim() > 0) {
    f.tokens = at::zeros({batch, 1, encoder.token_dim()}, like);
    f.mask = at::zeros({batch, 1}, like.dtype(at::kBool));
  }
  return f;
}

}  // namespace

Features encode_present(Encoder& encoder, const ModalityInput& input, std::string_view name) {
  const int64_t batch = input.values.size(0);
  const Tensor index = detail::present_index(input.present, batch);
  const int64_t count = index.defined() ? index.size(0) : batch;
  if (count == 0) return absent_features(encoder, input, batch);

  const RunningStatistics guard(encoder, encoder.is_training() && count == 1);
  if (!index.defined()) {
    Features f = call(encoder, input, name);
    check_features(f, encoder, batch, input.values, name);
    f.present = input.present.defined() ? input.present : at::ones({batch}, at::kBool);
    return f;
  }
  ModalityInput rows = input.rows(index);
  rows.present = Tensor();
  Features f = call(encoder, rows, name);
  check_features(f, encoder, count, input.values, name);
  if (f.tokens.defined() && !f.mask.defined())
    f.mask = at::ones({count, f.tokens.size(1)}, f.tokens.options().dtype(at::kBool));
  return {.pooled = detail::scatter_rows(f.pooled, index, batch), .tokens = detail::scatter_rows(f.tokens, index, batch),
          .mask = detail::scatter_rows(f.mask, index, batch), .present = input.present,
          .times = detail::scatter_rows(f.times, index, batch)};
}

}  // namespace alloy
