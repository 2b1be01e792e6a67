// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The emoji demo: one space for pictures, words and speech is trained from scratch, and asked for a drawing style, voices, emoji and
/// keywords that it never met.

#include "console.hpp"
#include "emoji/measures.hpp"

#include <alloy/train/contrastive_job.hpp>

namespace alloy::tool::emoji {

struct DemoOptions {
  std::filesystem::path data;    ///< folder that scripts/fetch-data wrote
  std::filesystem::path config;  ///< of the training
  std::filesystem::path out;
  int64_t seeds = 1;
  bool quick = false;            ///< few epochs: shows that all works, and proves nothing
  bool permuted = true;          ///< also trains on permuted pairs, with the first seed
};

/// A figure of one seed.
struct Figure {
  std::string question, way;  ///< "name to picture of an unseen style", "text to picture"
  std::string score;          ///< R@1 or R@10
  double value = 0, low = 0, high = 0, chance = 0;
};

struct SeedResult {
  int64_t seed = 0;
  double train_seconds = 0;
  std::vector<Figure> figures;
};

/// What is expected of a figure, over the mean of the seeds.
struct Expectation {
  std::string text;
  double measured = 0, floor = 0;
  bool met() const { return measured >= floor; }
};

struct DemoResult {
  std::vector<SeedResult> seeds;
  std::vector<Expectation> expectations;
};

/// Trains and measures; models go to out/seed-N/model. @throws as run_contrastive_job
DemoResult run_demo(const DemoOptions& options, ProgressPrinter& printer, const CancelToken& cancel);

/// Tables for a terminal, means over seeds.
std::string demo_text(const DemoResult& result);
Config demo_json(const DemoResult& result);

}  // namespace alloy::tool::emoji
