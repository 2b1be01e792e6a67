// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/alloy.hpp>

#include <torch/nn/modules/batchnorm.h>

using namespace alloy;

namespace {

struct NoisyOptions {
  bool batch_norm = false;
  static void describe(auto& self, auto&& field) { field("batch_norm", self.batch_norm, "normalises by the batch"); }
};
/// A linear map with dropout, and with batch norm on demand.
class NoisyImpl final : public Encoder {
 public:
  using Options = NoisyOptions;
  static constexpr auto kName = "noisy";
  explicit NoisyImpl(NoisyOptions options) : linear_({.in_dim = 5, .out_dim = 6}) {
    register_module("linear", linear_);
    if (options.batch_norm) norm_ = register_module("norm", torch::nn::BatchNorm1d(6));
  }
  Features forward(const ModalityInput& input) override {
    Tensor x = at::dropout(at::relu(linear_(input.values)), 0.4, is_training());
    if (norm_) x = norm_(x);
    return {.pooled = x, .present = input.present};
  }
  int64_t dim() const override { return 6; }

 private:
  Linear linear_;
  torch::nn::BatchNorm1d norm_ = nullptr;
};
using Noisy = Holder<NoisyImpl>;

JointEmbedding make_joint(bool batch_norm = false) {
  seed_everything(2);
  JointEmbedding joint({.dim = 4});
  joint->add("a", Noisy({.batch_norm = batch_norm}));
  joint->add("b", Noisy({}));
  joint->objective();
  joint->to(torch::kDouble);
  return joint;
}

Batch make_batch(int64_t count, bool gaps) {
  torch::manual_seed(5);
  ModalityInput a{.values = torch::randn({count, 5}, torch::kDouble)}, b{.values = torch::randn({count, 5}, torch::kDouble)};
  if (gaps) a.present = torch::arange(count) % 3 != 0, b.present = torch::arange(count) >= 4;  // the first chunk lacks b altogether
  return {{"a", a}, {"b", b}};
}

std::vector<Tensor> gradients(const JointEmbedding& joint) {
  std::vector<Tensor> grads;
  for (const auto& p : joint->parameters()) grads.push_back(p.grad().clone());
  return grads;
}

}  // namespace

TEST_CASE("the cached gradient is that of the whole batch", "[train]") {
  for (const bool gaps : {false, true})
    for (const bool training : {false, true}) {
      INFO("gaps " << gaps << ", dropout " << training);
      JointEmbedding joint = make_joint();
      joint->train(training);
      const Batch batch = make_batch(14, gaps);
      const PairInfo pairs{torch::arange(14).floor_divide(2), torch::rand({14}, torch::kDouble)};
      // The direct way in the same chunks, so that dropout draws the same numbers.
      torch::manual_seed(9);
      ModalityMap<Embedded> all;
      std::vector<Tensor> a, b;
      for (int64_t begin = 0; begin < 14; begin += 4) {
        const auto e = joint->forward(rows(batch, torch::arange(begin, std::min<int64_t>(begin + 4, 14))));
        a.push_back(e.at("a").values);
        b.push_back(e.at("b").values);
      }
      all.insert("a", {torch::cat(a), batch.at("a").present});
      all.insert("b", {torch::cat(b), batch.at("b").present});
      const Tensor loss = joint->loss(all, pairs).total;
      loss.backward();
      const auto wanted = gradients(joint);
      const Tensor next = torch::rand({3});

      joint->zero_grad();
      torch::manual_seed(9);
      const auto out = cached_backward(joint, batch, pairs, {.chunk_size = 4});
      CHECK_THAT(out.total, AllClose(loss, 1e-12));
      CHECK_FALSE(out.total.requires_grad());
      const auto got = gradients(joint);
      REQUIRE(got.size() == wanted.size());
      for (size_t i = 0; i < got.size(); ++i) CHECK_THAT(got[i], AllClose(wanted[i], 1e-9, 1e-12));
      CHECK_THAT(torch::rand({3}), SameBits(next));  // the generator went on as if nothing had been done twice
    }
}

TEST_CASE("plain accumulation over chunks is another gradient", "[train]") {
  JointEmbedding joint = make_joint();
  joint->eval();
  const Batch batch = make_batch(16, false);
  cached_backward(joint, batch, {}, {.chunk_size = 4});
  const auto whole = gradients(joint);
  joint->zero_grad();
  for (int64_t begin = 0; begin < 16; begin += 4) (joint->loss(joint->forward(rows(batch, torch::arange(begin, begin + 4)))).total / 4).backward();
  const auto chunks = gradients(joint);
  CHECK((chunks[0] - whole[0]).norm().item<double>() > 0.1 * whole[0].norm().item<double>());
}

TEST_CASE("the gradient cache refuses what it cannot do exactly", "[train]") {
  JointEmbedding joint = make_joint(/*batch_norm=*/true);
  CHECK_THROWS_WITH(cached_backward(joint, make_batch(8, false)), ContainsSubstring("batch norm, got one in that of 'a'"));
  joint->eval();
  CHECK(cached_backward(joint, make_batch(8, false)).total.defined());
  CHECK_THROWS_AS(cached_backward(joint, make_batch(8, false), {}, {.chunk_size = 0}), ConfigError);
  Batch alone = make_batch(8, false);
  alone.at("b").present = torch::zeros({8}, torch::kBool);
  joint->zero_grad();
  CHECK_FALSE(cached_backward(joint, alone).total.defined());  // nothing to compare
}
