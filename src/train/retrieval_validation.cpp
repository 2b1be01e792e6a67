// SPDX-License-Identifier: Apache-2.0
#include "train/detail/retrieval_validation.hpp"

#include <alloy/eval/joint_scores.hpp>

namespace alloy::detail {

ContrastiveValidation retrieval_validation(const JointEmbedding& model, Loader& loader, const CancelToken& cancel) {
  std::vector<std::string> names;
  for (const std::string& name : model->modalities())
    if (model->view_of(name) == name) names.push_back(name);
  loader.start(0);
  const EmbeddedSet set = embed_all(model, loader, {.only = names, .cancel = cancel});
  const auto pairs = joint_scores(set, {.retrieval = {.bootstrap = {.resamples = 1}, .cancel = cancel}});
  ContrastiveValidation validation{.score = 0.0, .values = {}};
  for (const auto& [from, to, found] : pairs) {
    for (const char* score : {"R@1", "R@10", "mrr"}) validation.values.emplace_back(from + " to " + to + " " + score, found.at(score).score.value);
    *validation.score += found.at("R@1").score.value / static_cast<double>(pairs.size());
  }
  return validation;
}

}  // namespace alloy::detail
