// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A trained model over a whole dataset: predictions, on all modalities or on some.

#include <alloy/core/progress.hpp>
#include <alloy/data/loader.hpp>
#include <alloy/models/fusion_model.hpp>

namespace alloy {

/// All rows on the CPU, in the order of the loader.
struct Predictions {
  std::vector<std::string> ids;
  Tensor logits;                               ///< [N, K]
  Tensor target;                               ///< [N] or [N, K]; undefined where the data has none
  Tensor weights;                              ///< [N, M] or undefined
  ModalityMap<ModalityLogits> modality_logits;  ///< decision rules only
  std::map<std::string, int64_t> skipped;      ///< unusable samples by cause
};

struct PredictOptions {
  /// Only these modalities are shown to the model; empty = all. Samples that have none of them are left out.
  std::vector<std::string> only = {};
  CancelToken cancel = {};
  ProgressCallback progress = {};
};

/// @throws ModelError as FusionModel::predict, naming the first sample of the batch
ALLOY_API Predictions predict_all(FusionModel model, Loader& loader, const PredictOptions& options = {});

/// The batch with all other modalities marked absent, and the rows [N] that still have one.
ALLOY_API Batch keep_modalities(const Batch& batch, const std::vector<std::string>& names, Tensor& rows_left);

/// Leave-one-out contributions [N, M]: how much the log-probability of the answer given falls when a modality is taken
/// away (classification: of the predicted class; multilabel: of the predicted labels; regression: how far the values move).
/// NaN for a modality that the sample lacks, and for the only one that it has: nothing is left to compare with.
ALLOY_API Tensor leave_one_out(FusionModel model, const Batch& batch);

}  // namespace alloy
