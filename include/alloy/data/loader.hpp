// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Batches of a dataset in a seeded order, made ahead by worker threads. The order of samples and everything random in
/// them depend on (seed, epoch) alone: not on the number of workers.

#include <alloy/core/options.hpp>
#include <alloy/data/dataset.hpp>

#include <map>

namespace alloy {

struct LoaderOptions {
  int64_t batch_size = 64;
  bool shuffle = true;
  bool drop_last = false;
  int64_t workers = 0;
  int64_t prefetch = 4;
  int64_t seed = 0;
  double bad_sample_limit = 0.01;
  double stall_seconds = 300;
  static void describe(auto& self, auto&& field) {
    field("batch_size", self.batch_size, "samples a batch, > 0");
    field("shuffle", self.shuffle, "a new order each epoch");
    field("drop_last", self.drop_last, "leaves out a last batch that is not full");
    field("workers", self.workers, "threads that make batches ahead; 0 = the caller's own");
    field("prefetch", self.prefetch, "batches held ready at most, > 0");
    field("seed", self.seed, "of order and augmentation");
    field("bad_sample_limit", self.bad_sample_limit, "0..1, share of the samples that may be unusable before the epoch stops");
    field("stall_seconds", self.stall_seconds, "how long one batch may take before it counts as stalled, > 0");
  }
  ALLOY_API void validate() const;
};

/// Owns its threads, shares the dataset; for one caller at a time.
class ALLOY_API Loader {
 public:
  Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Starts an epoch, ending the one that runs.
  void start(int64_t epoch);
  /// The next batch; false at the end of the epoch. Starts epoch 0 if none was started. Unusable samples are left out of
  /// their batch.
  /// @throws DataError naming sample and cause once more than `bad_sample_limit` of the epoch's samples are unusable, or
  ///         when a sample stalls; whatever else the dataset throws, as ModelError naming the sample
  bool next(LabelledBatch& batch);

  int64_t num_samples() const { return dataset_->size(); }
  /// Batches an epoch.
  int64_t num_batches() const;
  const LoaderOptions& options() const { return options_; }
  /// Unusable samples of this epoch so far, by cause.
  const std::map<std::string, int64_t>& bad_samples() const { return bad_; }

 private:
  struct Epoch;
  void stop();
  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  std::shared_ptr<Epoch> epoch_;
  std::map<std::string, int64_t> bad_;
  int64_t num_bad_ = 0;
};

}  // namespace alloy
