// SPDX-License-Identifier: Apache-2.0
#include <alloy/losses/distillation.hpp>

#include "losses/detail/checks.hpp"

#include <ATen/Functions.h>

namespace alloy {

Tensor similarity_distillation(const PairFeatures& student, const PairFeatures& teacher) {
  constexpr auto kWhere = "similarity_distillation";
  for (const PairFeatures* model : {&student, &teacher}) {
    detail::check_features(kWhere, model->a, model->b);
    detail::check_scalar(kWhere, model->scale, "scale");
    check<ShapeError>(model->a.size(0) == model->b.size(0) && model->a.size(0) == student.a.size(0), "[{}] expected one number of rows for all, got {} and {}", {kWhere, model->a, model->b});
  }
  const auto similarity = [](const PairFeatures& m) { return m.scale * at::mm(m.a, m.b.t()); };  // [B, B]
  const Tensor s = similarity(student), t = similarity(teacher).detach().to(s.scalar_type());
  const auto loss = [&](int64_t dim) { return -(t.softmax(dim) * s.log_softmax(dim)).sum(dim).mean(); };
  return 0.5 * (loss(1) + loss(0));
}

}  // namespace alloy
