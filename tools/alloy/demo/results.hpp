// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the comparison of fusions measured: everything that its tables, results.json and report.html are made from.

#include <alloy/core/config.hpp>
#include <alloy/eval/metrics.hpp>

#include <map>
#include <string>
#include <vector>

namespace alloy::demo {

/// A point of a learning curve.
struct CurvePoint {
  int64_t epoch = 0;
  double train_loss = 0, valid_loss = 0, valid_score = 0;
};

/// One trained model on one test set, or on a subset of its modalities.
struct Run {
  std::string task;                       ///< redundant, unique, synergy
  std::string method;                     ///< "image" alone, "concat", "gated", "late average" ...
  std::string stage;                      ///< single, early, hybrid, late
  int64_t seed = 0;
  bool modality_dropout = false;          ///< trained with ModalityDropout
  std::vector<std::string> trained_on;    ///< modalities of the model
  std::vector<std::string> tested_on;     ///< modalities shown at test time
  Score accuracy, macro_f1, ece;          ///< 0..1
  int64_t parameters = 0;
  double train_seconds = 0;
  double inference_ms = 0;                ///< a sample, in batches of the test loader
  std::vector<int64_t> predicted;         ///< class of each test sample
  std::vector<CurvePoint> curve;          ///< empty where nothing was trained
  std::vector<std::pair<std::string, double>> contributions;  ///< leave-one-out, mean over test samples, by modality
  std::vector<std::pair<std::string, double>> weights;        ///< mean weights, for strategies that have them
};

/// A test sample for people to look at.
struct ShownSample {
  std::string id, truth, typed, spoken_by;
  int64_t image_size = 0;
  std::vector<uint8_t> image;             ///< image_size x image_size grey
  int64_t frames = 0, bins = 0;
  std::vector<float> spectrogram;         ///< [frames, bins], normalised log-mel
  /// What each modality alone and the fusion said, with the probability it gave.
  std::vector<std::pair<std::string, std::pair<std::string, double>>> answers;
};

/// A promise of the demo and whether this run keeps it.
struct Expectation {
  std::string text;      ///< "the best fusion above the best single modality"
  double measured = 0;
  std::string relation;  ///< "at least", "at most", "more than"
  double wanted = 0;
  std::string unit;      ///< "points", "%"
  bool met = false;
  std::string reason;    ///< why not, where it is not met
};

struct Results {
  std::string version, date;
  Config options = Config::object();                       ///< sizes, noise levels, training options, as used
  std::vector<std::string> modalities;                     ///< in order
  std::map<std::string, std::vector<std::string>> labels;  ///< class names by task
  std::map<std::string, std::vector<int64_t>> truth;       ///< true class of each test sample, key "task/seed"
  std::vector<Run> runs;
  std::vector<ShownSample> samples;
  std::vector<Expectation> expectations;
};

/// Figures of several seeds: mean, and the mean of the interval's ends.
struct Summary {
  const Run* first = nullptr;
  Score accuracy, macro_f1, ece;
  double train_seconds = 0, inference_ms = 0;
  int64_t seeds = 0;
};
/// One a (method, modality_dropout, trained_on, tested_on) of a task, in order of first appearance.
std::vector<Summary> summarise(const Results& results, const std::string& task);

/// All of it as JSON.
Config to_config(const Results& results);
/// A self-contained page: no network, no scripts needed to read it.
std::string to_html(const Results& results);

}  // namespace alloy::demo
