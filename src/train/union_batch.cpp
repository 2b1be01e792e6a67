// SPDX-License-Identifier: Apache-2.0
#include "train/detail/union_batch.hpp"

#include "train/detail/gather_rows.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <bit>

namespace alloy::detail {

namespace {

constexpr auto kWhere = "distributed_loss";

/// What a process brings, as int64s; before anything else is sent, so that all agree on what follows or throw alike.
struct Share {
  int64_t refused = 0, rows = 0, dim = -1, dtype = -1, embeddings_learn = 0, loss_learns = 0, has_ids = 0, has_weights = 0, local_loss = 0, gather_with_grad = 0;
};
using Numbers = std::array<int64_t, sizeof(Share) / sizeof(int64_t)>;
constexpr auto kNumbers = static_cast<int64_t>(Numbers().size());

void check_share(const PairwiseLossOptions& o, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, int64_t rows) {
  for (const auto& [name, e] : embeddings) {
    const Tensor& first = embeddings.begin()->second.values;
    check<ConfigError>(std::ranges::find(o.modalities, name) != o.modalities.end(), "[{}] expected embeddings of {}, got '{}'", {kWhere, o.modalities, name});
    check_shape(e.values, {rows, first.dim() == 2 ? first.size(1) : -1}, kWhere, "embeddings of '" + name + "'");
    check_floating(e.values, kWhere, "embeddings of '" + name + "'");
    check<ShapeError>(e.values.device().is_cpu() && e.values.scalar_type() == first.scalar_type(), "[{}] expected embeddings of one dtype on the CPU, got {} and {} of '{}'",
                      {kWhere, first, e.values, name});
    if (e.present.defined()) check_shape(e.present, {rows}, kWhere, "presence of '" + name + "'");
  }
  if (pairs.ids.defined()) check_shape(pairs.ids, {rows}, kWhere, "ids");
  check<ShapeError>(!pairs.ids.defined() || pairs.ids.scalar_type() == at::kLong, "[{}] expected ids of dtype int64, got {}", {kWhere, pairs.ids});
  if (pairs.weights.defined()) check_shape(pairs.weights, {rows}, kWhere, "weights"), check_floating(pairs.weights, kWhere, "weights");
}

int64_t rows_of(const ModalityMap<Embedded>& embeddings, const PairInfo& pairs) {
  const Tensor& like = !embeddings.empty() ? embeddings.begin()->second.values : pairs.ids.defined() ? pairs.ids : pairs.weights;
  return like.defined() && like.dim() > 0 ? like.size(0) : 0;
}

Share share_of(const PairwiseLossImpl& loss, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, const DistributedLossOptions& options) {
  Share s{.rows = rows_of(embeddings, pairs), .has_ids = pairs.ids.defined(), .has_weights = pairs.weights.defined(),
          .local_loss = options.local_loss, .gather_with_grad = options.gather_with_grad};
  check_share(loss.options(), embeddings, pairs, s.rows);
  if (!embeddings.empty()) {
    const Tensor& values = embeddings.begin()->second.values;
    s.dim = values.size(1);
    s.dtype = static_cast<int64_t>(values.scalar_type());
  }
  if (at::GradMode::is_enabled()) {
    s.embeddings_learn = std::any_of(embeddings.begin(), embeddings.end(), [](const auto& item) { return item.second.values.requires_grad(); });
    s.loss_learns = std::ranges::any_of(loss.parameters(), [](const Tensor& p) { return p.requires_grad(); });
  }
  return s;
}

/// The shares of all processes, and which of the modalities they have.
struct Shares {
  std::vector<Share> of;
  std::vector<std::string> modalities;
  bool any(int64_t Share::*field) const {
    return std::ranges::any_of(of, [&](const Share& s) { return s.*field > 0; });
  }
};

Shares exchange(const PairwiseLossImpl& loss, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, ProcessGroup& group, const DistributedLossOptions& options) {
  const auto& names = loss.options().modalities;
  Share mine;
  std::exception_ptr refusal;  // thrown once the others know
  try {
    mine = share_of(loss, embeddings, pairs, options);
  } catch (...) {
    refusal = std::current_exception();
    mine = {.refused = 1};
  }
  const auto fixed = std::bit_cast<Numbers>(mine);
  std::vector<int64_t> numbers(fixed.begin(), fixed.end());
  for (const std::string& name : names) numbers.push_back(embeddings.contains(name));
  const auto gathered = group.all_gather(at::tensor(at::ArrayRef<int64_t>(numbers), at::TensorOptions(at::kLong)).unsqueeze(0));
  if (refusal) std::rethrow_exception(refusal);
  Shares shares;
  Tensor has = at::zeros({static_cast<int64_t>(numbers.size())}, at::kLong);
  for (const Tensor& one : gathered) {
    Numbers theirs;
    std::copy_n(one.const_data_ptr<int64_t>(), theirs.size(), theirs.begin());
    shares.of.push_back(std::bit_cast<Share>(theirs));
    has += one[0];
  }
  for (size_t m = 0; m < names.size(); ++m)
    if (has.const_data_ptr<int64_t>()[kNumbers + static_cast<int64_t>(m)] > 0) shares.modalities.push_back(names[m]);
  return shares;
}

/// @return a share with embeddings, by which the width and dtype of all are known
const Share& check_agree(const Shares& shares) {
  const auto of_embeddings = std::ranges::find_if(shares.of, [](const Share& s) { return s.dim >= 0; });
  const auto of_rows = std::ranges::find_if(shares.of, [](const Share& s) { return s.rows > 0; });
  for (size_t r = 0; r < shares.of.size(); ++r) {
    const Share &s = shares.of[r], &zero = shares.of[0];
    check<ShapeError>(s.refused == 0, "[{}] expected rows that all processes can use, got a refusal on process {}: see its error", {kWhere, r});
    check<ConfigError>(s.local_loss == zero.local_loss && s.gather_with_grad == zero.gather_with_grad,
                       "[{}] expected the same options on all processes, got others on process {} than on 0", {kWhere, r});
    check<ShapeError>(s.dim < 0 || (s.dim == of_embeddings->dim && s.dtype == of_embeddings->dtype),
                      "[{}] expected embeddings of one width and dtype on all processes, got width {} ({}) and {} ({}) on process {}", {kWhere, of_embeddings->dim, static_cast<at::ScalarType>(of_embeddings->dtype), s.dim, static_cast<at::ScalarType>(s.dtype), r});
    check<ConfigError>(s.rows == 0 || (s.has_ids == of_rows->has_ids && s.has_weights == of_rows->has_weights),
                       "[{}] expected ids and weights on all processes that have rows or on none, got another choice on process {}", {kWhere, r});
  }
  check<ShapeError>(of_embeddings != shares.of.end(), "[{}] expected embeddings on some process, got none on any", {kWhere});
  return *of_embeddings;
}

/// Presence of each modality, ids and the bits of the weights, as int64 [rows, modalities + 2].
Tensor labels_of(const ModalityMap<Embedded>& local, const PairInfo& pairs, int64_t rows) {
  std::vector<Tensor> columns;
  for (const auto& item : local) columns.push_back(item.second.present.to(at::kLong));
  columns.push_back(pairs.ids.defined() ? pairs.ids.to(at::kCPU) : at::zeros({rows}, at::kLong));
  columns.push_back(pairs.weights.defined() ? pairs.weights.detach().to(at::kCPU, at::kDouble).contiguous().view(at::kLong) : at::zeros({rows}, at::kLong));
  return at::stack(columns, 1);
}

/// What an absent row holds, NaN perhaps, is replaced, never multiplied.
ModalityMap<Embedded> fill_absent(const std::vector<std::string>& modalities, const ModalityMap<Embedded>& embeddings, int64_t rows, const Share& like) {
  const auto options = at::TensorOptions(static_cast<at::ScalarType>(like.dtype));
  ModalityMap<Embedded> local;
  for (const std::string& name : modalities) {
    const Embedded* e = embeddings.find(name);
    if (!e) local.insert(name, {at::zeros({rows, like.dim}, options), at::zeros({rows}, at::kBool)});
    else if (!e->present.defined()) local.insert(name, {e->values, at::ones({rows}, at::kBool)});
    else local.insert(name, {at::where(e->present.to(at::kCPU).unsqueeze(1), e->values, at::zeros({}, options)), e->present.to(at::kCPU, at::kBool)});
  }
  return local;
}

}  // namespace

UnionBatch gather_union(const PairwiseLossImpl& loss, const ModalityMap<Embedded>& embeddings, const PairInfo& pairs, ProcessGroup& group,
                        const DistributedLossOptions& options) {
  const Shares shares = exchange(loss, embeddings, pairs, group, options);
  const Share& like = check_agree(shares);
  const auto rank = static_cast<size_t>(group.rank());
  UnionBatch batch{.count = shares.of[rank].rows, .learns = shares.any(&Share::embeddings_learn) || shares.any(&Share::loss_learns)};
  for (size_t r = 0; r < rank; ++r) batch.first += shares.of[r].rows;
  batch.local = fill_absent(shares.modalities, embeddings, batch.count, like);

  std::vector<Tensor> values;
  for (const auto& item : batch.local) values.push_back(item.second.values);
  const bool differentiable = options.local_loss && options.gather_with_grad && shares.any(&Share::embeddings_learn);
  const Tensor rows = at::stack(values, 1);                                                                             // [count, M, D]
  const Tensor all = differentiable ? gather_rows(rows, group, Gradient::wanted) : gather_rows(rows.detach(), group, Gradient::none);  // [all, M, D]
  const Tensor labels = at::cat(group.all_gather(labels_of(batch.local, pairs, batch.count)));                          // [all, M + 2]
  const int64_t end = batch.first + batch.count;
  int64_t column = 0;
  for (const auto& [name, mine] : batch.local) {
    Tensor of_all = all.select(1, column);
    if (!options.local_loss) of_all = at::cat({of_all.slice(0, 0, batch.first), mine.values, of_all.slice(0, end)});
    batch.all.insert(name, {of_all, labels.select(1, column++).to(at::kBool)});
  }
  if (shares.any(&Share::has_ids)) batch.pairs.ids = labels.select(1, column).contiguous();
  if (shares.any(&Share::has_weights)) batch.pairs.weights = labels.select(1, column + 1).contiguous().view(at::kDouble);
  return batch;
}

}  // namespace alloy::detail
