// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/distributed_loss.hpp>

#include "train/detail/union_batch.hpp"

#include <alloy/losses/info_nce.hpp>
#include <alloy/losses/sigmoid_loss.hpp>

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace alloy {

namespace {

using detail::UnionBatch;

/// Keeps the parameters of a loss out of a graph.
class Frozen {
 public:
  Frozen(const PairwiseLoss& loss, bool wanted) {
    if (!wanted) return;
    for (const Tensor& p : loss->parameters())
      if (p.requires_grad()) frozen_.push_back(p.set_requires_grad(false));
  }
  ~Frozen() {
    for (const Tensor& p : frozen_) p.set_requires_grad(true);
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  std::vector<Tensor> frozen_;
};

/// One number on the way forward, the gradient of another on the way back.
struct Reported : torch::autograd::Function<Reported> {
  static Tensor forward(torch::autograd::AutogradContext*, const Tensor& /*share*/, const Tensor& value) { return value.clone(); }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext*, torch::autograd::tensor_list grads) { return {grads[0], {}}; }
};

/// Rows of one pair of modalities that have both, among all and among this process's own.
struct PairRows {
  Tensor all, mine;   ///< positions in the union, and in the local rows
  int64_t first = 0;  ///< the partner of mine_0 among all
  Tensor weights, my_weights;
  double part = 0;  ///< weight of this process's rows over that of all; 0: they add nothing
  double weight = 0;

  PairRows(const ComparedPair& pair, const UnionBatch& batch) : all(pair.left.present.logical_and(pair.right.present).nonzero().squeeze(1)) {
    first = (all < batch.first).sum().item<int64_t>();
    const int64_t count = (all < batch.first + batch.count).sum().item<int64_t>() - first;
    mine = all.narrow(0, first, count) - batch.first;
    weight = static_cast<double>(all.size(0));
    double own = static_cast<double>(count);
    if (batch.pairs.weights.defined()) {
      weights = batch.pairs.weights.index_select(0, all);
      my_weights = weights.narrow(0, first, count);
      weight = weights.sum().item<double>(), own = my_weights.sum().item<double>();
    }
    part = weight > 0 ? own / weight : 0;
  }
  bool is_compared() const { return all.size(0) >= 2 && weight > 0; }
};

void check_weights(const Tensor& weights) {
  if (!weights.defined() || weights.numel() == 0) return;
  check<DataError>(weights.isfinite().all().item<bool>() && weights.min().item<double>() >= 0, "[distributed_loss] expected weights >= 0 and finite, got {} .. {}",
                   {weights.min().item<double>(), weights.max().item<double>()});
}

/// This process's share of the loss of one pair: its rows on either side against all rows of the other. Summed over processes:
/// the loss of all rows.
Tensor share_of_pair(const PairwiseLoss& loss, const ComparedPair& local, const ComparedPair& all, const PairRows& rows, const Tensor& ids) {
  const LogitScale scale = loss->scale(all.first, all.second);
  const auto pick = [](const Tensor& x, const Tensor& index) { return x.defined() ? x.index_select(0, index) : x; };
  const Tensor all_ids = pick(ids, rows.all), my_ids = all_ids.defined() ? all_ids.narrow(0, rows.first, rows.mine.size(0)) : all_ids;
  const auto against = [&](const Tensor& mine, const Tensor& others) {
    const Tensor a = pick(mine, rows.mine), b = pick(others, rows.all);
    if (loss->options().objective == PairObjective::sigmoid) return sigmoid_loss_against(a, b, scale->forward(), scale->bias(), rows.first, my_ids, all_ids, rows.my_weights);
    return info_nce_against(a, b, scale->forward(), rows.first, my_ids, all_ids, rows.my_weights, {.label_smoothing = loss->options().label_smoothing});
  };
  const Tensor by_rows = against(local.left.values, all.right.values);
  // Each pair of rows has one sigmoid term: without weights one direction has all of them.
  if (loss->options().objective == PairObjective::sigmoid && !rows.weights.defined()) return rows.part * by_rows;
  return 0.5 * rows.part * (by_rows + against(local.right.values, all.left.values));
}

PairwiseLossOutput shared_loss(const PairwiseLoss& loss, const UnionBatch& batch, ProcessGroup& group) {
  check_weights(batch.pairs.weights);
  const auto local = loss->compared(batch.local), all = loss->compared(batch.all);
  PairwiseLossOutput out;
  // Where this process adds nothing, an empty sum still leads backward to the gathered rows: all take part in their gradient.
  const Tensor& gathered = batch.all.begin()->second.values;
  Tensor share = gathered.slice(0, 0, 0).sum().to(gathered.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  std::vector<double> values, weights;
  for (size_t p = 0; p < all.size(); ++p) {
    const PairRows rows(all[p], batch);
    if (!rows.is_compared()) continue;
    out.counts.insert(all[p].first + "-" + all[p].second, rows.all.size(0));
    values.push_back(0);
    weights.push_back(all[p].weight);
    if (rows.part == 0) continue;
    const Tensor one = share_of_pair(loss, local[p], all[p], rows, batch.pairs.ids);
    values.back() = one.item<double>();
    share = share + all[p].weight * one;
  }
  if (values.empty()) return out;
  Tensor sums = at::tensor(at::ArrayRef<double>(values), at::TensorOptions(at::kDouble));
  group.all_reduce_sum(sums);
  int64_t at = 0;
  for (const auto& item : out.counts) out.parts.insert(item.first, sums[at++].to(share.scalar_type()));
  const Tensor factors = at::tensor(at::ArrayRef<double>(weights), at::TensorOptions(at::kDouble));
  out.total = Reported::apply(share / factors.sum().item<double>(), (sums * factors / factors.sum()).sum().to(share.scalar_type()));
  return out;
}

}  // namespace

PairwiseLossOutput distributed_loss(PairwiseLoss loss, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, ProcessGroup& group,
                                    const DistributedLossOptions& options) {
  check<ConfigError>(!options.local_loss || loss->options().objective != PairObjective::decoupled,
                     "[distributed_loss] expected objective info_nce or sigmoid with local_loss, got {}: it compares all rows with all; leave local_loss off", {loss->options().objective});
  if (group.world_size() == 1) return loss->forward(embeddings, pairs);
  const UnionBatch batch = detail::gather_union(*loss, embeddings, pairs, group, options);
  PairwiseLossOutput out;
  if (options.local_loss) {
    out = shared_loss(loss, batch, group);
  } else {
    const Frozen frozen(loss, group.rank() != 0);
    out = loss->forward(batch.all, batch.pairs);
  }
  // backward() is called on all processes alike, also where nothing of this one is learned
  if (batch.learns && out.total.defined() && !out.total.requires_grad() && at::GradMode::is_enabled())
    out.total = out.total + at::zeros({}, out.total.options()).requires_grad_();
  return out;
}

}  // namespace alloy
