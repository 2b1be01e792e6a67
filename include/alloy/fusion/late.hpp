// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Late fusion: each modality decides on its own and a rule combines the decisions. Rules that learn something (weights,
/// temperatures, class priors) are fitted on validation data, never on training data; what they learn is in buffers.
/// For the rules see Kittler et al. 1998, "On combining classifiers".

#include <alloy/core/fusion.hpp>

namespace alloy {

enum class LateRule {
  average,           ///< mean of probabilities (soft vote)
  weighted_average,  ///< sum of w_m p_m; weights given, or fitted to the likelihood of the validation targets
  log_pool,          ///< product of p_m^w_m, sum of w = 1 (logarithmic opinion pool)
  naive_bayes,       ///< product of p_m over prior^(M' - 1), M' modalities present: independence given the class
  max,               ///< the largest probability
  median,            ///< the median probability
  hard_vote,         ///< one vote a modality; ties are broken by the mean probability
  weighted_vote,     ///< votes weighted by log odds of each modality's validation accuracy
  rank,              ///< Borda count of the class ranks
};
constexpr auto enum_names(LateRule) {
  return std::to_array<std::pair<LateRule, std::string_view>>({{LateRule::average, "average"},
                                                               {LateRule::weighted_average, "weighted_average"},
                                                               {LateRule::log_pool, "log_pool"},
                                                               {LateRule::naive_bayes, "naive_bayes"},
                                                               {LateRule::max, "max"},
                                                               {LateRule::median, "median"},
                                                               {LateRule::hard_vote, "hard_vote"},
                                                               {LateRule::weighted_vote, "weighted_vote"},
                                                               {LateRule::rank, "rank"}});
}

struct LateFusionOptions {
  std::vector<std::string> modalities = {};
  LateRule rule = LateRule::average;
  std::vector<double> weights = {};
  bool calibrate = false;
  static void describe(auto& self, auto&& field) {
    field("modalities", self.modalities, "names, at least one, no repeats; their order is the order of weights");
    field("rule", self.rule, "how decisions are combined");
    field("weights", self.weights, "one a modality, >= 0, for weighted_average, log_pool and weighted_vote; empty = equal until fitted");
    field("calibrate", self.calibrate, "fit() also fits a temperature a modality (Guo et al. 2017)");
  }
  ALLOY_API void validate() const;
};

/// `average`, `weighted_average` and `median` serve every task; `max` serves classification and multilabel; the others
/// serve classification. An absent modality has no vote: weights are renormalised over what is present.
class ALLOY_API LateFusionImpl final : public DecisionFusion {
 public:
  using Options = LateFusionOptions;
  static constexpr auto kName = "late";
  explicit LateFusionImpl(LateFusionOptions options);
  /// @return log_probs [B, K]; weights [B, M] for weighted rules (equal weights for `average`)
  Decision forward(const ModalityMap<ModalityLogits>& logits) override;
  const std::vector<std::string>& modalities() const override { return options_.modalities; }
  void prepare(Task task, int64_t outputs) override;
  /// Fits temperatures (with `calibrate`), then weights or priors where the rule has them; given weights stay. Modalities
  /// that decide alike under naive_bayes are logged as a warning: the rule counts them as independent.
  /// @throws ShapeError if target does not fit; DataError if a class index is out of range
  void fit(const ModalityMap<ModalityLogits>& logits, const Tensor& target) override;
  const LateFusionOptions& options() const { return options_; }
  /// [M], sum 1
  Tensor weights() const { return weights_; }
  /// [M], > 0: logits are divided by it
  Tensor temperatures() const { return temperatures_; }

 private:
  struct Stack;  // logits of all modalities [B, M, K] with presence
  Stack stack(const ModalityMap<ModalityLogits>& logits) const;
  void fit_temperatures(const Stack& stack, const Tensor& target);
  void fit_weights(const Stack& stack, const Tensor& target);
  void fit_vote_weights(const Stack& stack, const Tensor& target);
  void warn_of_repetition(const Stack& stack) const;

  LateFusionOptions options_;
  Task task_ = Task::classification;
  Tensor weights_, temperatures_, log_prior_;
};
using LateFusion = Holder<LateFusionImpl>;

}  // namespace alloy
