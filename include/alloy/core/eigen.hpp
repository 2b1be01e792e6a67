// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Tensors to Eigen matrices and back. Opt-in: no other public header needs Eigen.

#include <ATen/Functions.h>
#include <Eigen/Core>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// A row-major copy in double of a tensor [R, C] (or [R], as one column) of any floating dtype and device.
inline Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> to_eigen(const Tensor& tensor) {
  check<ShapeError>(tensor.defined() && (tensor.dim() == 1 || tensor.dim() == 2),
                    "[to_eigen] expected a tensor of rank 1 or 2, got {}", {tensor});
  const Tensor dense = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  const int64_t columns = dense.dim() == 2 ? dense.size(1) : 1;
  return Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      dense.const_data_ptr<double>(), dense.size(0), columns);
}

/// A copy [R, C] in double on the CPU.
template <class Derived>
Tensor from_eigen(const Eigen::MatrixBase<Derived>& matrix) {
  Tensor result = at::empty({matrix.rows(), matrix.cols()}, at::kDouble);
  Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      result.mutable_data_ptr<double>(), matrix.rows(), matrix.cols()) = matrix.template cast<double>();
  return result;
}

}  // namespace alloy
