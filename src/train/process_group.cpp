// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/process_group.hpp>

#include "train/detail/collectives.hpp"

#include <ATen/Functions.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <array>
#include <bit>

namespace alloy {

namespace {

enum class Collective : int64_t { barrier, broadcast, all_reduce_sum, all_gather };
constexpr auto enum_names(Collective) {
  return std::to_array<std::pair<Collective, std::string_view>>({{Collective::barrier, "barrier"},
                                                                 {Collective::broadcast, "broadcast"},
                                                                 {Collective::all_reduce_sum, "all_reduce_sum"},
                                                                 {Collective::all_gather, "all_gather"}});
}

constexpr int64_t kMaxDim = 8;

/// What a process is about to do; sent as int64s before each collective, so that processes that disagree all know it.
struct Announcement {
  int64_t collective = 0, root = 0, usable = 1, dtype = 0, device = 0, dim = 0;
  std::array<int64_t, kMaxDim> sizes = {};
  bool operator==(const Announcement&) const = default;
};
using Numbers = std::array<int64_t, sizeof(Announcement) / sizeof(int64_t)>;

bool is_summed(at::ScalarType type) {
  return type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16 || type == at::kLong;
}

bool is_usable(Collective what, const Tensor& t) {
  if (what == Collective::barrier) return true;
  return t.defined() && t.layout() == at::kStrided && (t.is_cpu() || (detail::kTakesCuda && t.is_cuda())) && !t.is_quantized() && t.dim() <= kMaxDim &&
         (what != Collective::all_gather || t.dim() > 0) && (what != Collective::all_reduce_sum || is_summed(t.scalar_type()));
}

std::string_view contract(Collective what) {
  switch (what) {
    case Collective::all_reduce_sum: return "a dense tensor of at most 8 axes on the CPU, floating or int64";
    case Collective::all_gather: return "a dense tensor of 1..8 axes on the CPU";
    default: return "a dense tensor of at most 8 axes on the CPU";
  }
}

Announcement announce(Collective what, const Tensor& t, int64_t root) {
  Announcement a{.collective = static_cast<int64_t>(what), .root = root, .usable = is_usable(what, t)};
  if (what == Collective::barrier || !a.usable) return a;
  a.dtype = static_cast<int64_t>(t.scalar_type());
  a.device = static_cast<int64_t>(t.device().type());
  a.dim = t.dim();
  std::ranges::copy(t.sizes(), a.sizes.begin());
  return a;
}

std::string text_of(const Announcement& a) {
  const auto device = static_cast<c10::DeviceType>(a.device);
  const std::string text = format_message("{} {}", {static_cast<at::ScalarType>(a.dtype), std::vector<int64_t>(a.sizes.begin(), a.sizes.begin() + a.dim)});
  return device == c10::DeviceType::CPU ? text : text + " on " + c10::DeviceTypeName(device, /*lower_case=*/true);
}

/// The bytes of a contiguous tensor, as [n] uint8; shares its memory.
Tensor bytes_of(const Tensor& t) { return t.flatten().view(at::kByte); }

}  // namespace

std::string detail::first_line(const std::exception& error) {
  const std::string_view text = error.what();
  return std::string(text.substr(0, text.find('\n')));
}

struct ProcessGroup::Impl {
  ProcessGroupOptions options;
  std::unique_ptr<detail::Collectives> collectives;  // none for one process
  std::string failed;                                // the collective after which the group is of no use

  /// Runs a step over the network. Whoever fails hangs up, so that the others learn of it at once.
  template <class Step>
  auto over_network(Collective what, const Step& step) {
    check<NetworkError>(failed.empty(), "[ProcessGroup::{}] expected a group that works, got one whose {} failed before; end this process and start all again", {what, failed});
    try {
      return step();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      const std::string reason = detail::first_line(e);
      failed = name_of(what);
      collectives.reset();
      fail<NetworkError>("[ProcessGroup::{}] expected all {} processes to take part within {} s, got on process {}: {}; another process has ended or is stuck: look for the one "
                         "that reports another error, was killed, or is still busy, then start all again",
                         {what, options.world_size, options.timeout_seconds, options.rank, reason});
    }
  }

  /// What all processes are about to do. @throws on all of them alike, unless it is the same collective on usable tensors
  std::vector<Announcement> meet(Collective what, const Tensor& t, int64_t root = 0) {
    std::vector<Announcement> all{announce(what, t, root)};
    if (options.world_size > 1) {
      const auto numbers = std::bit_cast<Numbers>(all[0]);
      const Tensor mine = at::tensor(at::ArrayRef<int64_t>(numbers), at::TensorOptions(at::kLong));
      const auto gathered = over_network(what, [&] { return collectives->all_gather(mine); });
      all.clear();
      for (const Tensor& one : gathered) {
        Numbers theirs;
        std::copy_n(one.const_data_ptr<int64_t>(), theirs.size(), theirs.begin());
        all.push_back(std::bit_cast<Announcement>(theirs));
      }
    }
    check_meeting(what, t, all);
    return all;
  }

  void check_meeting(Collective what, const Tensor& t, const std::vector<Announcement>& all) const {
    for (size_t r = 0; r < all.size(); ++r)
      check<ConfigError>(all[r].collective == all[0].collective && all[r].root == all[0].root,
                         "[ProcessGroup::{}] expected all processes in one collective, got {} (root {}) on process 0 and {} (root {}) on process {}; all must make the same calls in the same order",
                         {what, static_cast<Collective>(all[0].collective), all[0].root, static_cast<Collective>(all[r].collective), all[r].root, r});
    check<ShapeError>(is_usable(what, t), "[ProcessGroup::{}] expected {}, got {}", {what, contract(what), t});
    for (size_t r = 0; r < all.size(); ++r)
      check<ShapeError>(all[r].usable == 1, "[ProcessGroup::{}] expected {} on all processes, got another on process {}, whose error names it", {what, contract(what), r});
  }

  void check_same_shape(Collective what, const std::vector<Announcement>& all) const {
    for (size_t r = 0; r < all.size(); ++r)
      check<ShapeError>(all[r] == all[0], "[ProcessGroup::{}] expected one shape and dtype on all processes, got {} on process 0 and {} on process {}",
                        {what, text_of(all[0]), text_of(all[r]), r});
  }
};

ProcessGroup::ProcessGroup(ProcessGroupOptions options) : impl_(std::make_shared<Impl>()) {
  options.validate();
  if (options.world_size > 1) impl_->collectives = detail::connect_collectives(options);
  impl_->options = std::move(options);
}

int64_t ProcessGroup::rank() const { return impl_->options.rank; }
int64_t ProcessGroup::world_size() const { return impl_->options.world_size; }
const ProcessGroupOptions& ProcessGroup::options() const { return impl_->options; }

void ProcessGroup::barrier() { impl_->meet(Collective::barrier, {}); }

void ProcessGroup::broadcast(Tensor& tensor, int64_t root) {
  constexpr auto kWhat = Collective::broadcast;
  const torch::NoGradGuard no_grad;
  impl_->check_same_shape(kWhat, impl_->meet(kWhat, tensor, root));
  check<ConfigError>(root >= 0 && root < world_size(), "[ProcessGroup::broadcast] expected root in 0..{}, got {}", {world_size() - 1, root});
  if (world_size() == 1 || tensor.numel() == 0) return;
  const Tensor dense = tensor.contiguous();
  impl_->over_network(kWhat, [&] { impl_->collectives->broadcast(bytes_of(dense), root); });
  if (!dense.is_same(tensor)) tensor.copy_(dense);
}

void ProcessGroup::all_reduce_sum(Tensor& tensor) {
  constexpr auto kWhat = Collective::all_reduce_sum;
  const torch::NoGradGuard no_grad;
  impl_->check_same_shape(kWhat, impl_->meet(kWhat, tensor));
  if (world_size() == 1 || tensor.numel() == 0) return;
  const bool narrow = tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16;
  const Tensor dense = (narrow ? tensor.to(at::kFloat) : tensor).contiguous();
  impl_->over_network(kWhat, [&] { impl_->collectives->all_reduce_sum(dense.flatten()); });
  if (!dense.is_same(tensor)) tensor.copy_(dense);
}

std::vector<Tensor> ProcessGroup::all_gather(const Tensor& tensor) {
  constexpr auto kWhat = Collective::all_gather;
  const torch::NoGradGuard no_grad;
  auto all = impl_->meet(kWhat, tensor);
  std::vector<int64_t> rows;
  for (Announcement& a : all) rows.push_back(std::exchange(a.sizes[0], -1));
  impl_->check_same_shape(kWhat, all);
  if (world_size() == 1) return {tensor.detach().clone()};
  std::vector<int64_t> shape = tensor.sizes().vec();
  shape[0] = *std::ranges::max_element(rows);
  Tensor padded = tensor.detach();
  if (tensor.size(0) < shape[0]) {
    padded = at::zeros(shape, tensor.options());
    padded.narrow(0, 0, tensor.size(0)).copy_(tensor.detach());
  }
  padded = padded.contiguous();
  std::vector<Tensor> result(rows.size());
  if (padded.numel() == 0) {
    for (Tensor& one : result) one = padded.clone();
  } else {
    const auto bytes = impl_->over_network(kWhat, [&] { return impl_->collectives->all_gather(bytes_of(padded)); });
    for (size_t r = 0; r < rows.size(); ++r) result[r] = bytes[r].view(tensor.scalar_type()).view(shape);
  }
  for (size_t r = 0; r < rows.size(); ++r) result[r] = result[r].narrow(0, 0, rows[r]);
  return result;
}

}  // namespace alloy
