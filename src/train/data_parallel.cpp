// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/data_parallel.hpp>

#include "train/detail/gather_rows.hpp"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <sstream>

namespace alloy {

namespace {

/// A line for each parameter and buffer.
std::string structure_of(const torch::nn::Module& module) {
  std::string text;
  const auto add = [&](const char* kind, const auto& items) {
    for (const auto& item : items) text += format_message("{} {}: {}\n", {kind, item.key(), item.value()});
  };
  add("parameter", module.named_parameters());
  add("buffer", module.named_buffers());
  return text;
}

/// The first lines that differ.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::istringstream left(a), right(b);
  std::string x, y;
  do {
    if (!std::getline(left, x)) x = "nothing more";
    if (!std::getline(right, y)) y = "nothing more";
  } while (x == y && (left || right));
  return {x, y};
}

void check_same_structure(const torch::nn::Module& module, ProcessGroup& group) {
  std::string mine = structure_of(module);
  const auto size = static_cast<int64_t>(mine.size());
  const auto all = group.all_gather(torch::from_blob(mine.data(), {size}, torch::kByte));
  const auto text = [&](size_t r) { return std::string(reinterpret_cast<const char*>(all[r].const_data_ptr<uint8_t>()), static_cast<size_t>(all[r].numel())); };
  const std::string first = text(0);
  for (size_t r = 1; r < all.size(); ++r) {
    if (text(r) == first) continue;
    const auto [here, there] = first_difference(first, text(r));
    fail<ConfigError>("[broadcast_parameters] expected one model on all processes, got '{}' on process 0 and '{}' on process {}; make it from the same options everywhere", {here, there, r});
  }
}

/// Sums the gradients of parameters of one dtype in one go.
void reduce_bucket(const std::vector<Tensor>& bucket, ProcessGroup& group) {
  std::vector<Tensor> flat;
  for (const Tensor& p : bucket) flat.push_back(p.grad().defined() ? p.grad().flatten() : at::zeros({p.numel()}, p.options()));
  Tensor sum = at::cat(flat);
  group.all_reduce_sum(sum);
  int64_t begin = 0;
  for (const Tensor& p : bucket) {
    const Tensor mine = sum.narrow(0, begin, p.numel()).view(p.sizes());
    begin += p.numel();
    if (p.grad().defined()) p.grad().copy_(mine);
    else p.mutable_grad() = mine.clone();
  }
}

/// The process group as autograd keeps it between forward and backward.
struct KeptGroup final : torch::CustomClassHolder {
  explicit KeptGroup(ProcessGroup kept) : group(std::move(kept)) {}
  ProcessGroup group;
};

struct GatherRows : torch::autograd::Function<GatherRows> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& rows, const ProcessGroup& group) {
    ProcessGroup shared = group;
    const auto all = shared.all_gather(rows);
    int64_t first = 0;
    for (int64_t r = 0; r < shared.rank(); ++r) first += all[static_cast<size_t>(r)].size(0);
    context->saved_data["first"] = first;
    context->saved_data["count"] = rows.size(0);
    context->saved_data["group"] = c10::IValue::make_capsule(c10::make_intrusive<KeptGroup>(shared));
    return at::cat(all);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context, torch::autograd::tensor_list grads) {
    auto& data = context->saved_data;
    Tensor sum = grads[0].clone(at::MemoryFormat::Contiguous);
    const auto kept = data["group"].toCapsule();
    static_cast<KeptGroup&>(*kept).group.all_reduce_sum(sum);
    return {sum.narrow(0, data["first"].toInt(), data["count"].toInt()), {}};
  }
};

}  // namespace

Tensor detail::gather_rows(const Tensor& rows, const ProcessGroup& group, Gradient gradient) {
  const bool joins = gradient == Gradient::wanted && rows.defined() && !rows.requires_grad();  // its own rows need none, those of others do
  return GatherRows::apply(joins ? rows.detach().requires_grad_() : rows, group);
}

void broadcast_parameters(torch::nn::Module& module, ProcessGroup& group) {
  check_same_structure(module, group);
  const torch::NoGradGuard no_grad;
  for (auto& tensor : module.parameters()) group.broadcast(tensor, 0);
  for (auto& tensor : module.buffers()) group.broadcast(tensor, 0);
}

void reduce_gradients(const std::vector<Tensor>& parameters, ProcessGroup& group, int64_t bucket_bytes) {
  check<ConfigError>(bucket_bytes > 0, "[reduce_gradients] expected bucket_bytes > 0, got {}", {bucket_bytes});
  if (group.world_size() == 1) return;
  const torch::NoGradGuard no_grad;
  Tensor given = at::zeros({static_cast<int64_t>(parameters.size())}, at::kLong);
  for (size_t i = 0; i < parameters.size(); ++i) given.data_ptr<int64_t>()[i] = parameters[i].grad().defined();
  group.all_reduce_sum(given);

  std::vector<Tensor> bucket;
  int64_t bytes = 0;
  const auto flush = [&] {
    if (!bucket.empty()) reduce_bucket(bucket, group);
    bucket.clear();
    bytes = 0;
  };
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (given.const_data_ptr<int64_t>()[i] == 0) continue;
    if (!bucket.empty() && (bytes >= bucket_bytes || bucket[0].scalar_type() != parameters[i].scalar_type())) flush();
    bucket.push_back(parameters[i]);
    bytes += static_cast<int64_t>(parameters[i].nbytes());
  }
  flush();
}

Tensor all_gather_with_grad(const Tensor& rows, ProcessGroup& group) {
  Tensor wanted = at::full({}, static_cast<int64_t>(rows.defined() && rows.requires_grad() && at::GradMode::is_enabled()), at::kLong);
  group.all_reduce_sum(wanted);
  return detail::gather_rows(rows, group, wanted.item<int64_t>() > 0 ? detail::Gradient::wanted : detail::Gradient::none);
}

}  // namespace alloy
