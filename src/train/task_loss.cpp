// SPDX-License-Identifier: Apache-2.0
#include <alloy/train/task_loss.hpp>

#include <ATen/Functions.h>

namespace alloy {

Tensor task_loss(const Tensor& logits, const Tensor& target, Task task, double label_smoothing) {
  check_shape(logits, {-1, -1}, "task_loss", "logits");
  if (task == Task::classification) {
    check_shape(target, {logits.size(0)}, "task_loss", "target");
    check<ShapeError>(target.scalar_type() == at::kLong, "[task_loss] expected int64 classes, got {}", {target});
    return at::cross_entropy_loss(logits, target, {}, at::Reduction::Mean, -100, label_smoothing);
  }
  check_shape(target, {logits.size(0), logits.size(1)}, "task_loss", "target");
  const Tensor wanted = target.to(logits.scalar_type());
  return task == Task::multilabel ? at::binary_cross_entropy_with_logits(logits, wanted) : at::mse_loss(logits, wanted);
}

Tensor model_loss(const ModelOutput& output, const Tensor& target, Task task, double label_smoothing) {
  Tensor loss;
  if (output.modality_logits.empty()) {
    loss = task_loss(output.logits, target, task, label_smoothing);
  } else {
    std::vector<Tensor> losses;
    for (const auto& [name, own] : output.modality_logits) {
      const Tensor rows = own.present.defined() ? own.present.nonzero().squeeze(1).to(own.logits.device()) : Tensor();
      if (rows.defined() && rows.size(0) == 0) continue;
      losses.push_back(rows.defined() ? task_loss(own.logits.index_select(0, rows), target.index_select(0, rows), task, label_smoothing)
                                      : task_loss(own.logits, target, task, label_smoothing));
    }
    loss = at::stack(losses).mean();
  }
  return output.penalty.defined() ? loss + output.penalty : loss;
}

}  // namespace alloy
