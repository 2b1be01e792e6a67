// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A manifest (CSV or JSONL) as a dataset: a column a modality, `label`, optional `id` and `split`; an empty cell = the
/// sample lacks the modality.

#include <alloy/core/task.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/io/manifest.hpp>

namespace alloy {

/// Which of several alternatives in a cell a sample gets: `random` draws one each time, for training; `first`, for evaluation.
enum class AlternativeChoice { first, random };

struct ManifestDatasetOptions {
  Task task = Task::classification;
  std::vector<std::string> labels = {};  ///< names of the outputs; a label is one of them, or labels joined by | for multilabel
  std::string split = {};                ///< only rows of this split; empty = all
  std::string alternatives = {};         ///< "|": cells of modalities hold alternatives, see split_alternatives; empty = one value a cell
  AlternativeChoice choice = AlternativeChoice::random;  ///< among them, each modality for itself
};

/// Reads files when samples are asked for, by the readers' `read_augmented`: give training data readers that augment, and
/// all others readers that do not. Thread safe.
class ALLOY_API ManifestDataset final : public Dataset {
 public:
  /// @param readers  one a modality, by column name; columns that have none are ignored
  /// @throws ConfigError for a modality without a column; DataError naming the row of an unknown label, of a sample
  ///         without any modality or of an empty alternative; ConfigError for a separator of other than one ASCII character
  ManifestDataset(Manifest manifest, ModalityMap<std::shared_ptr<const ModalityReader>> readers, ManifestDatasetOptions options);
  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  Sample get(int64_t index, Random& random) const override;
  /// Which sample has which modality: bool [N, M], in the order of the readers. Reads no file.
  Tensor presence() const;
  /// [N] or [N, K]; undefined without a column `label`.
  Tensor targets() const;

 private:
  void check_alternatives(int64_t row) const;
  std::string choose(const std::string& cell, Random& random) const;
  Tensor parse_target(const std::string& text, int64_t row) const;
  Manifest manifest_;
  ModalityMap<std::shared_ptr<const ModalityReader>> readers_;
  ManifestDatasetOptions options_;
  std::vector<int64_t> rows_;
  std::vector<Tensor> targets_;
};

/// The labels of a manifest's `label` column in order of first appearance, for classification and multilabel.
ALLOY_API std::vector<std::string> manifest_labels(const Manifest& manifest, Task task);

}  // namespace alloy
