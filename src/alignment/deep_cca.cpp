// SPDX-License-Identifier: Apache-2.0
#include <alloy/alignment/deep_cca.hpp>

#include "alignment/detail/paired_rows.hpp"

#include <alloy/alignment/cca.hpp>

#include <ATen/Functions.h>
#include <Eigen/SVD>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

namespace alloy {

namespace {

using Context = torch::autograd::AutogradContext;
using Tensors = torch::autograd::tensor_list;

/// The sum of correlations and its gradients by both sides, in double.
struct Correlated {
  double sum = 0;
  Tensor first, second;
};

Correlated correlate(const Tensor& a, const Tensor& b, const DeepCcaLossOptions& options) {
  const Eigen::MatrixXd x = to_eigen(a - a.mean(0)), y = to_eigen(b - b.mean(0));  // [N, D]
  const double scale = 1 / static_cast<double>(x.rows() - 1);
  const auto root = [&](const Eigen::MatrixXd& rows) -> Eigen::MatrixXd {  // symmetric, of the covariance with its ridge
    Eigen::MatrixXd covariance = rows.transpose() * rows * scale;
    covariance.diagonal().array() += options.ridge;
    return detail::inverse_root(covariance, 0, "deep_cca_loss").matrix;
  };
  // Any M with M^T S M = 1 will do for S^-1/2: it differs by a rotation, which the singular vectors undo.
  const Eigen::MatrixXd ra = root(x), rb = root(y), product = ra.transpose() * (x.transpose() * y * scale) * rb;
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(product, Eigen::ComputeThinU | Eigen::ComputeThinV);
  const int64_t all = svd.singularValues().size(), k = options.components == 0 ? all : options.components;
  const Eigen::VectorXd d = svd.singularValues().head(k);
  const Eigen::MatrixXd u = ra * svd.matrixU().leftCols(k), v = rb * svd.matrixV().leftCols(k);
  const Eigen::MatrixXd by_cross = u * v.transpose(), by_first = -0.5 * u * d.asDiagonal() * u.transpose(),
                        by_second = -0.5 * v * d.asDiagonal() * v.transpose();
  return {.sum = d.sum(),
          .first = from_eigen(scale * (2 * x * by_first + y * by_cross.transpose())),
          .second = from_eigen(scale * (2 * y * by_second + x * by_cross))};
}

struct DeepCcaLoss : torch::autograd::Function<DeepCcaLoss> {
  static Tensor forward(Context* context, const Tensor& first, const Tensor& second, const DeepCcaLossOptions& options) {
    const auto [a, b] = detail::paired_rows(first, second, "deep_cca_loss");
    const Correlated found = correlate(a, b, options);
    context->save_for_backward({found.first.to(first.options()), found.second.to(second.options())});
    return at::full({}, -found.sum, first.options());
  }
  static Tensors backward(Context* context, Tensors grads) {
    const Tensors saved = context->get_saved_variables();
    return {-grads[0] * saved[0], -grads[0] * saved[1], {}};
  }
};

}  // namespace

void DeepCcaLossOptions::validate() const {
  check<ConfigError>(components >= 0, "[DeepCca] expected components >= 0, got {}", {components});
  check<ConfigError>(ridge > 0 && std::isfinite(ridge), "[DeepCca] expected ridge > 0, got {}", {ridge});
}

Tensor deep_cca_loss(const Tensor& first, const Tensor& second, const DeepCcaLossOptions& options) {
  options.validate();
  for (const Tensor& side : {first, second}) check_shape(side, {-1, -1}, "deep_cca_loss", "rows");
  check<ShapeError>(first.size(0) == second.size(0) && first.size(0) >= 2, "[deep_cca_loss] expected pairs row by row, at least two, got {} and {}",
                    {first, second});
  const int64_t most = std::min(first.size(1), second.size(1));
  check<ConfigError>(options.components <= most, "[deep_cca_loss] expected at most {} components, got {}", {most, options.components});
  return DeepCcaLoss::apply(first, second, options);
}

void DeepCcaOptions::validate() const {
  check<ConfigError>(first_dim > 0 && second_dim > 0 && hidden_dim > 0 && dim > 0,
                     "[DeepCca] expected first_dim, second_dim, hidden_dim and dim > 0, got {}, {}, {} and {}",
                     {first_dim, second_dim, hidden_dim, dim});
  check<ConfigError>(loss.components <= dim, "[DeepCca] expected at most dim = {} components, got {}", {dim, loss.components});
  loss.validate();
}

DeepCcaImpl::DeepCcaImpl(DeepCcaOptions options)
    : options_(options),
      first_({.in_dim = options.first_dim, .hidden_dim = options.hidden_dim, .out_dim = options.dim}),
      second_({.in_dim = options.second_dim, .hidden_dim = options.hidden_dim, .out_dim = options.dim}) {
  register_module("first", first_);
  register_module("second", second_);
  first_mean_ = register_buffer("first_mean", at::zeros({options.dim}));
  second_mean_ = register_buffer("second_mean", at::zeros({options.dim}));
  first_weights_ = register_buffer("first_weights", at::eye(options.dim));
  second_weights_ = register_buffer("second_weights", at::eye(options.dim));
}

Tensor DeepCcaImpl::forward(const Tensor& first, const Tensor& second) { return deep_cca_loss(first_(first), second_(second), options_.loss); }

Tensor DeepCcaImpl::fit_linear(const Tensor& first, const Tensor& second) {
  const at::NoGradGuard no_grad;
  const Cca linear = cca(first_(first), second_(second), {.components = options_.dim, .ridge = 1e-6});
  first_mean_.copy_(linear.first.mean), second_mean_.copy_(linear.second.mean);
  first_weights_.copy_(linear.first.weights), second_weights_.copy_(linear.second.weights);
  return linear.correlations;
}

Tensor DeepCcaImpl::project(Mlp& network, const Tensor& rows, const Tensor& mean, const Tensor& weights) {
  return (network(rows) - mean).matmul(weights);
}
Tensor DeepCcaImpl::project_first(const Tensor& rows) { return project(first_, rows, first_mean_, first_weights_); }
Tensor DeepCcaImpl::project_second(const Tensor& rows) { return project(second_, rows, second_mean_, second_weights_); }

}  // namespace alloy
