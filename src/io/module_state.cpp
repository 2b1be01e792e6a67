// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/module_state.hpp>

#include "io/detail/message.hpp"
#include "io/detail/safetensors_dtype.hpp"

#include <torch/utils.h>
#include <unordered_map>

namespace alloy {

namespace {

struct Offer {
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  std::string text() const { return MessageText<at::ScalarType>::of(dtype) + " " + MessageText<std::vector<int64_t>>::of(shape); }
};
using Offers = std::vector<std::pair<std::string, Offer>>;

/// Compares all that the module has with all that is offered, and throws one error that lists every difference.
void check_fit(const NamedTensors& wanted, const Offers& offered, const LoadOptions& options, std::string_view where) {
  std::unordered_map<std::string_view, const Offer*> by_name;
  for (const auto& [name, offer] : offered)
    check<DataError>(by_name.emplace(name, &offer).second, "[{}] expected each name once, got '{}' twice", {where, detail::shown(name)});
  int64_t differences = 0;
  std::string lines;
  const auto differ = [&](std::string_view pattern, std::initializer_list<MessageArg> values) {
    ++differences;
    lines += "\n  ";
    lines += format_message(pattern, values);
  };
  std::unordered_map<std::string_view, bool> known;
  for (const auto& [name, tensor] : wanted) {
    known.emplace(name, true);
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      if (options.missing == OnMissing::reject) differ("{}: expected {}, got nothing", {name, tensor});
      continue;
    }
    const Offer& offer = *found->second;
    const bool convertible = options.dtype == OnDtype::convert && at::canCast(offer.dtype, tensor.scalar_type());
    if (tensor.sizes() != offer.shape || (tensor.scalar_type() != offer.dtype && !convertible))
      differ("{}: expected {}, got {}", {name, tensor, offer.text()});
  }
  if (options.unexpected == OnUnexpected::reject)
    for (const auto& [name, offer] : offered)
      if (!known.contains(name)) differ("{}: expected nothing, got {}", {detail::shown(name), offer.text()});
  check<DataError>(differences == 0, "[{}] expected the state of this module, got {} differences (see LoadOptions):{}", {where, differences, lines});
}

Offers offers_of(const NamedTensors& state) {
  Offers offers;
  for (const auto& [name, tensor] : state) {
    check<DataError>(tensor.defined(), "[load_state] expected defined tensors, got an undefined one for '{}'", {detail::shown(name)});
    offers.emplace_back(name, Offer{tensor.scalar_type(), tensor.sizes().vec()});
  }
  return offers;
}

}  // namespace

NamedTensors module_state(const torch::nn::Module& module) {
  NamedTensors state;
  for (const auto& item : module.named_parameters())
    if (item.value().defined()) state.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers())
    if (item.value().defined()) state.emplace_back(item.key(), item.value());
  return state;
}

void load_state(torch::nn::Module& module, const NamedTensors& state, const LoadOptions& options, std::string_view where) {
  const NamedTensors own = module_state(module);
  check_fit(own, offers_of(state), options, where);
  std::unordered_map<std::string_view, const Tensor*> by_name;
  for (const auto& [name, tensor] : state) by_name.emplace(name, &tensor);
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own)
    if (const auto found = by_name.find(name); found != by_name.end()) tensor.copy_(*found->second);
}

void save_module(const std::filesystem::path& path, const torch::nn::Module& module, const SafetensorsMetadata& metadata) {
  save_safetensors(path, module_state(module), metadata);
}

void load_module(const std::filesystem::path& path, torch::nn::Module& module, const LoadOptions& options) {
  const std::string where = path.string();
  Offers offers;
  for (const TensorInfo& info : read_safetensors_header(path).tensors) {
    const auto dtype = detail::scalar_type_of(info.dtype);
    check<DataError>(dtype.has_value(), "[{}] expected a supported dtype for '{}', got {}", {where, detail::shown(info.name), info.dtype});
    offers.emplace_back(info.name, Offer{*dtype, info.shape});
  }
  check_fit(module_state(module), offers, options, where);
  load_state(module, load_safetensors(path, {.non_finite = options.non_finite}), options, where);
}

}  // namespace alloy
