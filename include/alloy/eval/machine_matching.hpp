// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a joint space of sensors and words (data/machine_windows.hpp, text modality `text`) says about machines: which entry of the log
/// explains which episode, and whether a machine is about to fail. Both read the space's logits as log-likelihood ratios, summed over
/// the groups of sensors that were measured.

#include <alloy/data/machine_windows.hpp>
#include <alloy/eval/alarms.hpp>
#include <alloy/models/joint_embedding.hpp>

namespace alloy {

/// Sum over the groups of scale times cosine, of windows and texts: how much the content speaks for each pair. A window without any
/// group has zeros: nothing speaks for or against.
/// @param windows  groups of sensors, B rows @param texts  [L, dim] embeddings of the joint space
/// @return [B, L] float64
/// @throws as JointEmbedding::embed; ShapeError
ALLOY_API Tensor content_evidence(JointEmbedding joint, const Batch& windows, const Tensor& texts);

/// Episodes and entries of some machines, E and L of them.
struct EpisodeMatching {
  std::vector<int64_t> episodes;  ///< [E] places in the records' logs: the entry that explains the episode
  std::vector<int64_t> logs;      ///< [L] all entries of these machines
  Tensor content;                 ///< [E, L] content_evidence of the window that ends with the episode
  Tensor stops;                   ///< [E] float64 seconds
  Tensor stamps;                  ///< [L] float64 seconds, NaN = none
  Tensor candidates;              ///< [E, L] bool: of the same machine and page, or of a page that is not known
  Tensor right;                   ///< [E] int64, place in `logs`
  Tensor machines;                ///< [E] int64, of the episode
  ModalityMap<Tensor> measured;   ///< [E] bool of each group of sensors
  bool by_stamp = false;          ///< no entry says what it explains: what comes before a stamp stands for its episode
};
/// @param machines  places in the records
/// @throws DataError if there is no episode; ConfigError, ModelError as JointEmbedding
ALLOY_API EpisodeMatching match_episodes(JointEmbedding joint, const MachineWindows& windows, const MachineRecords& records,
                                         std::span<const int64_t> machines, const HashedNgramsOptions& text = MachinePairOptions{}.text);

/// Where a machine's steps are sound as far as its log tells: the window lies behind any episode that an entry explains, and none runs.
/// @return [N] bool, for each step of the machine's clock
ALLOY_API Tensor sound_steps(const MachineWindows& windows, const MachineRecords& records, int64_t machine);

/// What was written about machines that are known: embeddings [F, dim] of entries that explain an episode, [R, dim] of the others.
struct AlarmTexts {
  Tensor faults, routine;
};
/// @param pairs  of the machines that are known @param most  entries of either kind, the first ones
/// @throws DataError if there is none of either kind
ALLOY_API AlarmTexts alarm_texts(JointEmbedding joint, const MachineRecords& records, std::span<const MachinePair> pairs, int64_t most = 400,
                                 const HashedNgramsOptions& text = MachinePairOptions{}.text);

/// Alarms in words: at each step the log of how much likelier the window is under entries about faults than under routine entries, the
/// mean of exp(content) over the ones and over the others. NaN where no group was measured.
/// @return a track over the machine's clock
ALLOY_API AlarmTrack text_alarm(JointEmbedding joint, const MachineWindows& windows, const MachineRecords& records, int64_t machine,
                                const AlarmTexts& texts);

/// Stamp minus end of the episode of each pair that has one, in seconds, NaN without a stamp: what fit_time_prior wants. [N] float64
ALLOY_API Tensor stamp_errors(const MachineRecords& records, std::span<const MachinePair> pairs);

/// The episodes of some machines that ended in a failure, with tracks in the order of `machines`.
ALLOY_API std::vector<AlarmEpisode> failures_of(const MachineRecords& records, std::span<const int64_t> machines);

}  // namespace alloy
