// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/manifest_dataset.hpp>

#include <torch/types.h>

#include <charconv>
#include <cmath>

namespace alloy {

namespace {

std::vector<std::string> split_labels(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('|', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

std::vector<std::string> manifest_labels(const Manifest& manifest, Task task) {
  check<ConfigError>(task != Task::regression, "[manifest_labels] expected classification or multilabel, got regression, which has no labels");
  std::vector<std::string> labels;
  for (int64_t row = 0; row < manifest.num_rows(); ++row) {
    const std::string& cell = manifest.cell(row, "label");
    for (const std::string& label : task == Task::multilabel ? split_labels(cell) : std::vector<std::string>{cell})
      if (!label.empty() && std::ranges::find(labels, label) == labels.end()) labels.push_back(label);
  }
  return labels;
}

ManifestDataset::ManifestDataset(Manifest manifest, ModalityMap<std::shared_ptr<const ModalityReader>> readers, ManifestDatasetOptions options)
    : manifest_(std::move(manifest)), readers_(std::move(readers)), options_(std::move(options)) {
  check<ConfigError>(!readers_.empty(), "[ManifestDataset] expected at least one modality, got none");
  for (const auto& item : readers_) manifest_.column(item.first);  // throws with the columns there are
  const bool one_character = options_.alternatives.size() <= 1 && options_.alternatives != "\\";
  check<ConfigError>(one_character, "[ManifestDataset] expected one character as separator of alternatives, no backslash, got '{}'", {options_.alternatives});
  const bool labelled = manifest_.has_column("label");
  for (int64_t row = 0; row < manifest_.num_rows(); ++row) {
    if (!options_.split.empty() && manifest_.cell(row, "split") != options_.split) continue;
    bool any = false;
    for (const auto& item : readers_) any = any || !manifest_.cell(row, item.first).empty();
    check<DataError>(any, "[{}] expected at least one of the modalities {}, got empty cells only", {manifest_.place(row), readers_.names()});
    check_alternatives(row);
    rows_.push_back(row);
    targets_.push_back(labelled ? parse_target(manifest_.cell(row, "label"), row) : Tensor());
  }
  if (!options_.split.empty())
    check<DataError>(!rows_.empty(), "[ManifestDataset] expected rows whose split is '{}', got none", {options_.split});
}

void ManifestDataset::check_alternatives(int64_t row) const {
  if (options_.alternatives.empty()) return;
  for (const auto& [name, reader] : readers_) {
    const std::string& cell = manifest_.cell(row, name);
    const auto parts = split_alternatives(cell, options_.alternatives.front());
    check<DataError>(std::ranges::find(parts, "") == parts.end(), "[{}] expected alternatives in column {}, none of them empty, got '{}'; a \\ before {} takes it as an ordinary character",
                     {manifest_.place(row), name, cell, options_.alternatives});
  }
}

std::string ManifestDataset::choose(const std::string& cell, Random& random) const {
  if (options_.alternatives.empty()) return cell;
  const auto parts = split_alternatives(cell, options_.alternatives.front());
  const bool draws = options_.choice == AlternativeChoice::random && parts.size() > 1;
  return parts[draws ? static_cast<size_t>(random.below(std::ssize(parts))) : 0];
}

Tensor ManifestDataset::presence() const {
  Tensor present = torch::zeros({size(), static_cast<int64_t>(readers_.size())}, torch::kBool);
  int64_t m = 0;
  for (const auto& item : readers_) {
    for (int64_t i = 0; i < size(); ++i) present[i][m] = !manifest_.cell(rows_[static_cast<size_t>(i)], item.first).empty();
    ++m;
  }
  return present;
}

Tensor ManifestDataset::targets() const { return !targets_.empty() && targets_.front().defined() ? at::stack(targets_) : Tensor(); }

Tensor ManifestDataset::parse_target(const std::string& text, int64_t row) const {
  const auto place = [&](const std::string& label) {
    const auto found = std::ranges::find(options_.labels, label);
    check<DataError>(found != options_.labels.end(), "[{}] expected one of the labels {}, got '{}'", {manifest_.place(row), options_.labels, label});
    return static_cast<int64_t>(found - options_.labels.begin());
  };
  if (options_.task == Task::classification) return torch::tensor(place(text));
  if (options_.task == Task::multilabel) {
    Tensor target = torch::zeros({static_cast<int64_t>(options_.labels.size())});
    for (const std::string& label : split_labels(text)) target[place(label)] = 1.0;
    return target;
  }
  std::vector<double> values;
  for (const std::string& part : split_labels(text)) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    check<DataError>(error == std::errc() && end == part.data() + part.size() && std::isfinite(value),
                     "[{}] expected a number as label, got '{}'", {manifest_.place(row), part});
    values.push_back(value);
  }
  check<DataError>(!values.empty(), "[{}] expected a number as label, got an empty cell", {manifest_.place(row)});
  return torch::tensor(values, torch::kFloat);
}

Sample ManifestDataset::get(int64_t index, Random& random) const {
  check<DataError>(index >= 0 && index < size(), "[ManifestDataset] expected an index below {}, got {}", {size(), index});
  const int64_t row = rows_[static_cast<size_t>(index)];
  Sample sample{.id = manifest_.place(row), .values = {}, .target = targets_[static_cast<size_t>(index)]};
  if (manifest_.has_column("id") && !manifest_.cell(row, "id").empty()) sample.id = manifest_.cell(row, "id");
  for (const auto& [name, reader] : readers_) {
    const std::string& cell = manifest_.cell(row, name);
    if (!cell.empty()) sample.values.insert(name, reader->read_augmented(choose(cell, random), manifest_.folder, random));
  }
  return sample;
}

}  // namespace alloy
