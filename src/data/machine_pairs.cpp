// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/machine_windows.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace alloy {

std::vector<MachinePair> machine_pairs(const MachineRecords& records, std::span<const int64_t> machines) {
  std::unordered_map<std::string, int64_t> wanted;
  for (const int64_t machine : machines) wanted[records.machines.at(static_cast<size_t>(machine)).machine] = machine;
  std::vector<MachinePair> pairs;
  for (size_t i = 0; i < records.logs.size(); ++i) {
    const MachineLog& log = records.logs[i];
    const auto machine = wanted.find(log.machine);
    if (machine == wanted.end() || (!log.explains() && !log.stamped())) continue;
    pairs.push_back({.machine = machine->second,
                     .log = static_cast<int64_t>(i),
                     .start_s = log.explains() ? log.start_s : NAN,
                     .stop_s = log.explains() ? log.stop_s : log.time_s});
  }
  return pairs;
}

void MachinePairOptions::validate() const {
  check<ConfigError>(earliest >= 0 && earliest <= 1, "[MachinePairs] expected earliest in 0..1, got {}", {earliest});
  text.validate();
}

MachinePairs::MachinePairs(std::shared_ptr<const MachineWindows> windows, const MachineRecords& records, std::span<const MachinePair> pairs,
                           MachinePairOptions options)
    : windows_(std::move(windows)), options_((options.validate(), std::move(options))) {
  check<ConfigError>(std::ranges::find(windows_->groups(), "text") == windows_->groups().end(),
                     "[MachinePairs] expected no group of channels named `text`, got: {}", {windows_->groups()});
  const HashedNgrams ngrams(options_.text);
  const bool any_explains = std::ranges::any_of(pairs, [](const MachinePair& p) { return std::isfinite(p.start_s); });
  for (const MachinePair& pair : pairs) {
    if (windows_->window(pair.machine, pair.stop_s).empty()) continue;
    const MachineLog& log = records.logs.at(static_cast<size_t>(pair.log));
    const std::string id = any_explains && !std::isfinite(pair.start_s) ? "routine" : log.machine + ", entry " + std::to_string(pair.log);
    items_.push_back({.pair = pair, .id = id, .text = torch::tensor(ngrams.encode(log.text))});
  }
  check<DataError>(!items_.empty(), "[MachinePairs] expected a pair whose window was measured, got none among {}", {pairs.size()});
}

Sample MachinePairs::get(int64_t index, Random& random) const {
  const Item& item = items_.at(static_cast<size_t>(index));
  double stop = item.pair.stop_s;
  if (std::isfinite(item.pair.start_s)) stop = item.pair.start_s + random.uniform(options_.earliest, 1) * (item.pair.stop_s - item.pair.start_s);
  ModalityMap<Tensor> values = windows_->window(item.pair.machine, stop);
  if (values.empty()) values = windows_->window(item.pair.machine, item.pair.stop_s);
  values.insert("text", item.text);
  return {.id = item.id, .values = std::move(values), .target = {}};
}

ModalityInput machine_texts(const MachineRecords& records, std::span<const int64_t> logs, const HashedNgramsOptions& options) {
  std::vector<std::string> texts;
  for (const int64_t log : logs) texts.push_back(records.logs.at(static_cast<size_t>(log)).text);
  const TokenBatch batch = HashedNgrams(options).encode_batch(texts);
  return {.values = batch.ids, .mask = batch.mask};
}

}  // namespace alloy
