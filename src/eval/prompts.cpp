// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/prompts.hpp>

#include "eval/detail/device_of.hpp"
#include "alignment/detail/unit_rows.hpp"

#include <alloy/data/dataset.hpp>
#include <alloy/io/file.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace alloy {

namespace {

void check_labels(const std::vector<std::string>& labels) {
  check<ConfigError>(labels.size() >= 2, "[zero-shot] expected at least two labels to choose from, got {}: {}", {labels.size(), labels});
  std::set<std::string> seen;
  for (size_t k = 0; k < labels.size(); ++k) {
    check<ConfigError>(labels[k].find_first_not_of(" \t\r\n") != std::string::npos, "[zero-shot] expected no empty label, got one at place {}", {k});
    check<ConfigError>(seen.insert(labels[k]).second, "[zero-shot] expected each label once, got '{}' twice", {labels[k]});
  }
}

/// Unit means of the rows of each class. @param x  [P, D] @param classes  [P] @return [K, D] float on the CPU
Tensor class_means(const Tensor& x, const Tensor& classes, const std::vector<std::string>& labels) {
  const auto count = static_cast<int64_t>(labels.size());
  const Tensor sums = at::zeros({count, x.size(1)}, at::kDouble).index_add(0, classes, x.cpu().to(at::kDouble));
  // Unit vectors that cancel leave only what rounding left of them.
  const Tensor lengths = sums.norm(2, {1}) / at::bincount(classes, {}, count);
  for (int64_t k = 0; k < count; ++k)
    check<DataError>(lengths[k].item<double>() > 1e-6, "[zero-shot] expected prompts of one direction for label '{}', got some that cancel", {labels[static_cast<size_t>(k)]});
  return detail::unit_rows(sums, "zero-shot", [&](int64_t k) { return "label '" + labels[static_cast<size_t>(k)] + "'"; }).to(at::kFloat);
}

}  // namespace

void ClassPrompts::check() const {
  check_labels(labels);
  check_shape(embeddings, {static_cast<int64_t>(labels.size()), -1}, "zero-shot", "embeddings of the labels");
  check_floating(embeddings, "zero-shot", "embeddings of the labels");
  detail::unit_rows(embeddings, "zero-shot", [&](int64_t k) { return "label '" + labels[static_cast<size_t>(k)] + "'"; });
}

void PromptOptions::validate() const {
  check_labels(labels);
  for (const std::string& pattern : templates)
    check<ConfigError>(pattern.find("{}") != std::string::npos, "[zero-shot] expected {} where the label goes in each template, got '{}'", {"{}", pattern});
  check<ConfigError>(batch_size > 0, "[zero-shot] expected batch_size > 0, got {}", {batch_size});
}

std::vector<std::string> read_prompt_file(const std::filesystem::path& path) {
  std::istringstream text(read_text_file(path, 16u << 20));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  check<DataError>(!lines.empty(), "[{}] expected a line of text, got none", {path});
  return lines;
}

std::vector<std::string> fill_templates(const std::vector<std::string>& templates, const std::string& label) {
  if (templates.empty()) return {label};
  std::vector<std::string> prompts;
  for (const std::string& pattern : templates) {
    check<ConfigError>(pattern.find("{}") != std::string::npos, "[zero-shot] expected {} where the label goes in each template, got '{}'", {"{}", pattern});
    std::string prompt;
    size_t begin = 0;
    for (size_t hole = pattern.find("{}"); hole != std::string::npos; hole = pattern.find("{}", begin)) {
      prompt.append(pattern, begin, hole - begin).append(label);
      begin = hole + 2;
    }
    prompts.push_back(prompt.append(pattern, begin));
  }
  return prompts;
}

ClassPrompts prompts_from_texts(JointEmbedding model, const std::string& modality, const ModalityReader& reader, const PromptOptions& options, const CancelToken& cancel) {
  options.validate();
  std::vector<Sample> samples;  // of the batch that is filled
  std::vector<Tensor> embedded;
  std::vector<int64_t> classes;
  const auto embed = [&] {
    if (samples.empty()) return;
    cancel.check("prompts_from_texts");
    const LabelledBatch batch = collate(samples);
    embedded.push_back(model->embed(modality, batch.inputs.at(modality).to(detail::device_of(*model))).cpu());
    samples.clear();
  };
  for (size_t k = 0; k < options.labels.size(); ++k)
    for (const std::string& prompt : fill_templates(options.templates, options.labels[k])) {
      samples.push_back({.id = prompt, .values = {{modality, reader.read(prompt)}}, .target = {}});
      classes.push_back(static_cast<int64_t>(k));
      if (static_cast<int64_t>(samples.size()) == options.batch_size) embed();
    }
  embed();
  return {options.labels, class_means(at::cat(embedded), at::tensor(classes, at::kLong), options.labels), modality};
}

ClassPrompts prompts_from_examples(JointEmbedding model, const std::string& modality, const ModalityInput& examples, const std::vector<std::string>& labels, const Tensor& classes) {
  check_labels(labels);
  const auto count = static_cast<int64_t>(labels.size());
  const int64_t num_examples = batch_size({{modality, examples}});
  check<ShapeError>(classes.defined() || num_examples == count, "[zero-shot] expected an example for each of {} labels, or their classes, got {} examples", {count, num_examples});
  const Tensor index = classes.defined() ? classes.cpu() : at::arange(count, at::kLong);
  check_shape(index, {num_examples}, "zero-shot", "classes of the examples");
  check<ShapeError>(index.scalar_type() == at::kLong, "[zero-shot] expected int64 classes of the examples, got {}", {index});
  for (int64_t i = 0; i < num_examples; ++i) {
    const int64_t k = index[i].item<int64_t>();
    check<DataError>(k >= 0 && k < count, "[zero-shot] expected classes 0..{}, got {} for example {}", {count - 1, k, i});
  }
  const Tensor examples_of = at::bincount(index, {}, count);
  for (int64_t k = 0; k < count; ++k)
    check<DataError>(examples_of[k].item<int64_t>() > 0, "[zero-shot] expected an example of every label, got none of '{}'", {labels[static_cast<size_t>(k)]});
  return {labels, class_means(model->embed(modality, examples), index, labels), modality};
}

}  // namespace alloy
