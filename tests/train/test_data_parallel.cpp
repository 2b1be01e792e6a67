// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/ranks.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

const std::vector<std::string> kNoErrors3(3), kNoErrors2(2);

/// Parameters whose gradients depend on the rank; p4 has none on rank 1, p5 none anywhere, p6 is float64.
std::vector<Tensor> parameters_of(int64_t rank) {
  torch::manual_seed(3);
  std::vector<Tensor> result;
  for (const int64_t n : {5, 1, 40, 7, 6, 2}) result.push_back(torch::randn({n, 2}).set_requires_grad(true));
  result.push_back(torch::randn({3}, torch::kDouble).set_requires_grad(true));
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(10 + rank));
  for (size_t i = 0; i < result.size(); ++i)
    if (i != 5 && !(i == 4 && rank == 1)) result[i].mutable_grad() = torch::randn(result[i].sizes(), generator, result[i].options().requires_grad(false));
  return result;
}

}  // namespace

TEST_CASE("reduce_gradients", "[train]") {
  std::vector<std::vector<std::vector<Tensor>>> grads(3, std::vector<std::vector<Tensor>>(3));  // [rank][bucket size]
  std::vector<int64_t> sizes{1, 200, 25 << 20};
  const auto errors = run_ranks(3, [&](ProcessGroup& group) {
    for (size_t s = 0; s < sizes.size(); ++s) {
      const auto parameters = parameters_of(group.rank());
      reduce_gradients(parameters, group, sizes[s]);
      for (const Tensor& p : parameters) grads[static_cast<size_t>(group.rank())][s].push_back(p.grad());
    }
  });
  CHECK(errors == kNoErrors3);
  std::vector<std::vector<Tensor>> own;
  for (int64_t r = 0; r < 3; ++r) own.push_back(parameters_of(r));
  for (size_t r = 0; r < 3; ++r)
    for (size_t s = 0; s < sizes.size(); ++s)
      for (size_t i = 0; i < own[0].size(); ++i) {
        INFO("rank " << r << ", bucket " << sizes[s] << ", parameter " << i);
        const Tensor& got = grads[r][s][i];
        if (i == 5) {
          CHECK_FALSE(got.defined());
          continue;
        }
        Tensor wanted = torch::zeros_like(own[0][i], at::TensorOptions().requires_grad(false));
        for (const auto& one : own) wanted += one[i].grad().defined() ? one[i].grad() : torch::zeros_like(wanted);
        CHECK_THAT(got, AllClose(wanted, 1e-6));
        CHECK_THAT(got, SameBits(grads[0][s][i]));  // or parameters drift apart
      }
  ProcessGroup alone{ProcessGroupOptions{}};
  auto parameters = parameters_of(0);
  reduce_gradients(parameters, alone);
  CHECK_THAT(parameters[0].grad(), SameBits(own[0][0].grad()));
  CHECK_THROWS_AS(reduce_gradients(parameters, alone, 0), ConfigError);
}

TEST_CASE("reduce_gradients of other models is an error on all", "[train]") {
  std::vector<std::string> shapes(2);
  const auto errors = run_ranks(2, [&](ProcessGroup& group) {
    auto parameters = parameters_of(0);
    if (group.rank() == 1) parameters[2] = parameters[0];
    shapes[static_cast<size_t>(group.rank())] = error_of([&] { reduce_gradients(parameters, group, 1); });
    parameters.resize(static_cast<size_t>(3 + group.rank()));
    reduce_gradients(parameters, group);
  });
  for (size_t r = 0; r < 2; ++r) {
    CHECK_THAT(shapes[r], ContainsSubstring("ShapeError") && ContainsSubstring("float32 [80] on process 0 and float32 [10] on process 1"));
    CHECK_THAT(errors[r], ContainsSubstring("ShapeError") && ContainsSubstring("int64 [3] on process 0 and int64 [4] on process 1"));
  }
}

TEST_CASE("broadcast_parameters", "[train]") {
  std::vector<std::vector<Tensor>> state(2);
  std::vector<std::string> refusal(2);
  const auto errors = run_ranks(2, [&](ProcessGroup& group) {
    const auto r = static_cast<size_t>(group.rank());
    const bool first = r == 0;
    LogitScale scale({.start = first ? 5.0 : 7.0, .learned = first});  // a parameter on one side, a buffer on the other
    refusal[r] = error_of([&] { broadcast_parameters(*scale, group); });
    LogitScale trained({.start = first ? 5.0 : 7.0, .with_bias = true}), fixed({.start = first ? 5.0 : 7.0, .learned = false});
    broadcast_parameters(*trained, group);
    broadcast_parameters(*fixed, group);
    state[r] = {trained->forward(), fixed->forward()};
  });
  CHECK(errors == kNoErrors2);
  for (size_t r = 0; r < 2; ++r) {
    CHECK_THAT(state[r][0].detach(), AllClose(torch::tensor(5.0F)));
    CHECK_THAT(state[r][1], AllClose(torch::tensor(5.0F)));
    CHECK(state[r][0].requires_grad());
    CHECK_THAT(refusal[r], ContainsSubstring("ConfigError: [broadcast_parameters] expected one model on all processes, got 'parameter log_scale: float32 []' on process 0 and "
                                             "'buffer log_scale: float32 []' on process 1"));
  }
}

TEST_CASE("all_gather_with_grad", "[train]") {
  // The sum over processes of <weight_r, gathered>, whose gradient by row i is the sum of the weights of row i.
  const Tensor weights = torch::arange(3 * 6 * 2, torch::kDouble).view({3, 6, 2});
  std::vector<Tensor> gathered(3), grads(3);
  std::vector<bool> learned(3), quiet(3);
  const auto errors = run_ranks(3, [&](ProcessGroup& group) {
    const auto r = static_cast<size_t>(group.rank());
    const auto count = static_cast<int64_t>(r == 1 ? 0 : r + 1);  // 1, 0 and 3 rows
    Tensor rows = torch::full({count, 2}, static_cast<double>(r), torch::kDouble).set_requires_grad(r != 2);
    Tensor all = all_gather_with_grad(torch::cat({rows, rows}), group);  // two uses of one row
    gathered[r] = all.detach();
    learned[r] = all.requires_grad();  // on all, so that all take part in backward
    (all.slice(0, 0, 6) * weights[group.rank()]).sum().backward();
    grads[r] = rows.grad();
    quiet[r] = !all_gather_with_grad(rows.detach(), group).requires_grad();
  });
  CHECK(errors == kNoErrors3);
  for (size_t r = 0; r < 3; ++r) {
    CHECK_THAT(gathered[r], SameBits(torch::tensor({0., 0., 2., 2., 2., 2., 2., 2.}, torch::kDouble).unsqueeze(1).expand({8, 2}).contiguous()));
    CHECK((learned[r] && quiet[r]));
  }
  CHECK_THAT(grads[0], AllClose((weights.sum(0)[0] + weights.sum(0)[1]).unsqueeze(0)));
  CHECK(grads[1].numel() == 0);
  CHECK_FALSE(grads[2].defined());
}
