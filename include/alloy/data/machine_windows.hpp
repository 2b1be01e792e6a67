// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Windows of machines' series as encoders read them, and pairs of window and text to train on. All channels of a machine are brought
/// to one clock (resample_to_clock, mean of each step), whatever their rates, gaps and jitter; then each channel is scaled by what was
/// usual on its own machine in the first days, so that machines of other sizes look alike and nothing of the future is used.
///
///     auto windows = std::make_shared<MachineWindows>(records, MachineWindowOptions{});
///     Loader loader(std::make_shared<MachinePairs>(windows, records, machine_pairs(records, machines)), {.batch_size = 64});

#include <alloy/core/batch.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/machine_records.hpp>
#include <alloy/preprocess/hashed_ngrams.hpp>

namespace alloy {

struct MachineWindowOptions {
  double step_s = 600;
  int64_t steps = 36;
  double baseline_h = 48;
  double least_measured = 0.25;
  std::string context = "load";
  static void describe(auto& self, auto&& field) {
    field("step_s", self.step_s, "seconds from step to step, > 0");
    field("steps", self.steps, "L, of a window, 1..100000");
    field("baseline_h", self.baseline_h, "hours from the start of a machine's series that say what is usual, > 0");
    field("least_measured", self.least_measured, "0..1, share of a window's steps in which a group was measured, below which it is absent");
    field("context", self.context, "the group of channels that every other group is given too; empty = none");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Immutable after construction; any number of threads may share one. Holds 4 bytes a step and channel.
///
/// A window of a group is float [L, C]: its channels, those of the context, and one that is 1 where the group was measured and 0 where
/// not. A value is asinh((x - median) / spread) of its channel, the spread being 1.4826 times the median absolute deviation (or, where
/// that is 0, the standard deviation; of the whole series where it is 0 in the baseline; a channel that never changes is 0): linear
/// around what is usual, logarithmic far from it. A gap repeats the value before it, within the window, and is 0 at its beginning.
class ALLOY_API MachineWindows {
 public:
  /// @throws ConfigError also if there is no group but the context, or a clock of more than 2^24 steps; ShapeError if series and names of
  ///         channels do not fit
  explicit MachineWindows(const MachineRecords& records, MachineWindowOptions options = {});

  /// Groups in the order of their first channel, without the context.
  const std::vector<std::string>& groups() const { return groups_; }
  /// C of a group's windows. @throws ConfigError
  int64_t channels(std::string_view group) const;
  int64_t num_machines() const { return static_cast<int64_t>(machines_.size()); }
  /// The end of each step of a machine's clock: [N] float64 seconds. Step i is the mean of what was measured in the `step_s` before.
  const Tensor& clock(int64_t machine) const;
  /// All channels of a machine, scaled, NaN in gaps: float [N, all channels], in the order of the records.
  const Tensor& scaled(int64_t machine) const;
  /// The last L steps that ended by `stop_s`, of each group that was measured; a window before the series is empty. Steps before the
  /// first are gaps.
  ModalityMap<Tensor> window(int64_t machine, double stop_s) const;
  /// Windows that end at several moments of one machine, for JointEmbedding::forward; groups that all of them lack are left out.
  Batch batch(int64_t machine, std::span<const double> stops_s) const;
  const MachineWindowOptions& options() const { return options_; }

 private:
  struct Clocked {
    Tensor times;   // [N] double
    Tensor scaled;  // [N, C] float, NaN in gaps
  };
  const Clocked& at(int64_t machine) const;
  Tensor group_window(const Clocked& machine, size_t group, int64_t end) const;
  MachineWindowOptions options_;
  std::vector<std::string> groups_;
  std::vector<std::vector<int64_t>> columns_;  // of each group: its own, then the context's
  std::vector<int64_t> own_;                   // how many of them are its own
  std::vector<Clocked> machines_;
};

/// A text and the stretch of a machine's series that it is about.
struct MachinePair {
  int64_t machine = 0, log = 0;
  double start_s = 0, stop_s = 0;  ///< start_s is NaN where only the end is known
};

/// The entries of some machines as pairs: one that explains an episode with that; any other with what came before its stamp, which is
/// only roughly right. Entries without stamp and episode give none.
/// @param machines  places in the records
ALLOY_API std::vector<MachinePair> machine_pairs(const MachineRecords& records, std::span<const int64_t> machines);

struct MachinePairOptions {
  double earliest = 0.3;
  HashedNgramsOptions text = {.buckets = 4096, .max_ids = 256};
  static void describe(auto& self, auto&& field) {
    field("earliest", self.earliest,
          "0..1, of an episode that a window has seen at least: where it ends is drawn between there and the episode's end; 1 = always the end");
    field("text", self.text, "how texts become ids");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Samples: a window of each group and `text`, int64 ids of HashedNgrams. Ids name machine and entry, but all entries that explain no
/// episode share the id `routine` if others do, so that they are no negatives of one another (Positives::ids). Thread safe.
class ALLOY_API MachinePairs final : public Dataset {
 public:
  /// Pairs whose window has no group are left out. @throws ConfigError for a group named `text`; DataError if no pair is left
  MachinePairs(std::shared_ptr<const MachineWindows> windows, const MachineRecords& records, std::span<const MachinePair> pairs,
               MachinePairOptions options = {});
  int64_t size() const override { return static_cast<int64_t>(items_.size()); }
  Sample get(int64_t index, Random& random) const override;

 private:
  struct Item {
    MachinePair pair;
    std::string id;
    Tensor text;
  };
  std::shared_ptr<const MachineWindows> windows_;
  MachinePairOptions options_;
  std::vector<Item> items_;
};

/// Ids [N, T] and mask of the texts of some entries, as MachinePairs reads them.
ALLOY_API ModalityInput machine_texts(const MachineRecords& records, std::span<const int64_t> logs,
                                      const HashedNgramsOptions& options = MachinePairOptions{}.text);

}  // namespace alloy
