// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where samples come from: two methods, and a third where the order of reading matters. Derive from it to train on data of your own.

#include <alloy/core/batch.hpp>
#include <alloy/core/random.hpp>

#include <memory>
#include <span>

namespace alloy {

/// One sample, without a batch axis.
struct Sample {
  std::string id;               ///< names the sample in messages and predictions
  ModalityMap<Tensor> values;   ///< what the encoder wants of one sample; a modality that is not in the map is absent
  Tensor target;                ///< scalar int64 class index, [K] values, or undefined
};

/// Loaders call `get` from several threads at once: it must not change the object.
class ALLOY_API Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// @param index   0 .. size() - 1
  /// @param random  the only source of randomness to use (augmentation, noise): it is seeded by sample and epoch, so
  ///                that results do not depend on the number of workers
  /// @throws DataError or IoError for a sample that cannot be used; loaders count those and go on, up to a limit
  virtual Sample get(int64_t index, Random& random) const = 0;
  /// The order of one shuffled epoch: size() indices. Override it where samples that lie together are cheaper to read.
  /// @param random  the only source of randomness to use, so that every process and every resumed run gets the same order
  virtual std::vector<int64_t> order(Random& random) const { return random.permutation(size()); }
};

/// Samples that are in memory already.
class ALLOY_API MemoryDataset final : public Dataset {
 public:
  explicit MemoryDataset(std::vector<Sample> samples) : samples_(std::move(samples)) {}
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  Sample get(int64_t index, Random& random) const override;

 private:
  std::vector<Sample> samples_;
};

/// Samples to a batch. A modality whose samples differ in their first axis is padded with zeros and gets a mask; one that
/// some samples lack gets `present`; one that all lack is left out.
/// @throws ShapeError naming the sample whose other axes, dtype or target differ from the first's
ALLOY_API LabelledBatch collate(std::span<const Sample> samples);

}  // namespace alloy
