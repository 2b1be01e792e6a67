// SPDX-License-Identifier: Apache-2.0
#pragma once

/// When is evidence of what. An event and an entry about it carry times that should agree, but stamps are wrong by hours, and some are
/// missing. This says how much the times speak for each pair, on the scale of log-likelihood ratios, so that it adds to what the
/// contents say: InfoNCE's logits (scale times cosine) estimate log p(a, b) / p(a) p(b) up to a constant of the row (van den Oord et
/// al. 2018, eq. 4), and time and content are taken for independent given the pair.
///
///     const TimePrior prior = fit_time_prior(stamps_of_known_pairs - stops_of_known_pairs, /*period_s=*/4 * 86400);
///     Tensor evidence = scale * cosine + time_evidence(stops, stamps, prior);   // [E, L]

#include <alloy/core/options.hpp>
#include <alloy/core/tensor.hpp>

namespace alloy {

/// The difference stamp - event of a true pair: normal, but for a share that says nothing. Of a pair that is none: uniform over a period.
struct TimePrior {
  double mean_s = 0;
  double std_s = 3600;
  double outliers = 0.05;
  double period_s = 86400;
  static void describe(auto& self, auto&& field) {
    field("mean_s", self.mean_s, "seconds from event to stamp");
    field("std_s", self.std_s, "its standard deviation, > 0");
    field("outliers", self.outliers, "0..1, share of stamps that say nothing");
    field("period_s", self.period_s, "seconds over which the candidates are spread, > 0");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// By median and 1.4826 times the median absolute deviation, so that some wrong pairs do not matter.
/// @param differences  [N] seconds from event to stamp of pairs that are known; NaN = no stamp
/// @throws ShapeError; DataError with fewer than 3 stamps; ConfigError
ALLOY_API TimePrior fit_time_prior(const Tensor& differences, double period_s, double outliers = 0.05);

/// log of outliers + (1 - outliers) period normal(stamp - event): 0 = says nothing, which is what a missing stamp says.
/// @param events  [E] seconds, finite @param stamps  [L] seconds, NaN = missing
/// @return [E, L] float64
/// @throws ShapeError; DataError for an event that is not finite; ConfigError
ALLOY_API Tensor time_evidence(const Tensor& events, const Tensor& stamps, const TimePrior& prior);

/// Learnt evidence that is sure of itself where it should not be, bounded as that of time is: each row is brought to ratios whose mean
/// over the columns is 1, as log p(column | row) / p(column) is over columns drawn at random, and then to log(outliers + (1 -
/// outliers) ratio). A row's constant, which InfoNCE leaves open, does not matter. An entry that says nothing of what it is about
/// costs its episode no more than log(outliers).
/// @param evidence  [E, L] floating, finite, L > 0 @return [E, L] float64 @throws ShapeError; ConfigError unless outliers in 0..1
ALLOY_API Tensor bounded_evidence(const Tensor& evidence, double outliers = 0.1);

/// How far evidence can be trusted on data that it was not learnt from: the weight w in 0..8 with which softmax(w evidence + other)
/// makes the right candidates likeliest (as temperature scaling does for classes; Guo et al. 2017). A model that has learnt
/// its training data by heart gets less than 1.
/// @param evidence, other  [E, L] floating, finite where a candidate @param candidates  [E, L] bool @param right  [E] int64
/// @throws ShapeError; DataError without a row, or where the right item is no candidate
ALLOY_API double fit_evidence_weight(const Tensor& evidence, const Tensor& other, const Tensor& candidates, const Tensor& right);

}  // namespace alloy
