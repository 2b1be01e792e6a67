// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Batches of a dataset in a seeded order, made ahead by worker threads. The order of samples and everything random in
/// them depend on (seed, epoch) alone: not on the number of workers. Several processes may share one order, each reading
/// its part, and an epoch may be taken up in its middle.

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
  int64_t rank = 0;
  int64_t world_size = 1;
  static void describe(auto& self, auto&& field) {
    field("batch_size", self.batch_size, "samples a batch and process, > 0");
    field("shuffle", self.shuffle, "a new order each epoch");
    field("drop_last", self.drop_last, "leaves out a last batch that is not full");
    field("workers", self.workers, "threads that make batches ahead, for cores that have nothing else to do; 0 = the threads that compute read the samples of a batch first");
    field("prefetch", self.prefetch, "batches held ready at most, > 0");
    field("seed", self.seed, "of order and augmentation");
    field("bad_sample_limit", self.bad_sample_limit, "0..1, share of this process's samples that may be unusable before the epoch stops");
    field("stall_seconds", self.stall_seconds, "how long one batch may take before it counts as stalled, > 0");
    field("rank", self.rank, "which of the processes that share the order this one is, 0 .. world_size - 1");
    field("world_size", self.world_size, "processes that share the order, > 0");
  }
  ALLOY_API void validate() const;
};

/// Owns its threads, shares the dataset; for one caller at a time.
///
/// With world_size W > 1 the processes have one order, and batch k of all of them together, by rank, is batch k of one
/// process with W times the batch size: rank r takes places [r, r + 1) * batch_size of it. All have the same number of
/// batches: a last batch that is not full is split as evenly as it goes, and left out if it has fewer samples than W.
class ALLOY_API Loader {
 public:
  Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Starts an epoch, ending the one that runs.
  /// @param first_batch  0 .. num_batches(): leaves out what is before, unread; what follows has the same bits as in a
  ///                     whole epoch. Unusable samples are counted from here.
  /// @throws DataError if the dataset's `order` is not size() indices; ConfigError for a batch that the epoch does not have
  void start(int64_t epoch, int64_t first_batch = 0);
  /// The next batch; false at the end of the epoch. Starts epoch 0 if none was started. Unusable samples are left out of
  /// their batch. A batch of which nothing is left is skipped if world_size is 1; else the processes would fall out of
  /// step, so `next` returns true and a batch without inputs, target and ids.
  /// @throws DataError naming sample and cause once more than `bad_sample_limit` of this process's samples are unusable, or
  ///         when a sample stalls; whatever else the dataset throws, as ModelError naming the sample. The epoch is over
  ///         then; `start(epoch, position())` tries that batch again.
  bool next(LabelledBatch& batch);
  /// Batches of the epoch that are done, skipped ones too: `start(epoch, position())` goes on behind the last one that
  /// `next` gave.
  int64_t position() const { return position_; }

  /// Of the dataset, which all processes share.
  int64_t num_samples() const { return dataset_->size(); }
  /// Batches an epoch, the same for every rank.
  int64_t num_batches() const;
  const LoaderOptions& options() const { return options_; }
  /// Unusable samples of this epoch so far, by cause.
  const std::map<std::string, int64_t>& bad_samples() const { return bad_; }

 private:
  struct Made;
  struct Epoch;
  void stop();
  Made take();
  void count_bad(const Made& made);
  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  std::shared_ptr<Epoch> epoch_;
  std::map<std::string, int64_t> bad_;
  int64_t num_bad_ = 0, position_ = 0;
  bool failed_ = false;
};

}  // namespace alloy
