// SPDX-License-Identifier: Apache-2.0
#include "train/detail/training_state.hpp"

#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>

#include <array>

namespace alloy::detail {

namespace {

/// Options that say where and how often something is written, not what is computed.
constexpr std::array kOwnOfEachRun = {"folder", "save_every", "save_every_steps", "checkpoints", "resume", "force_resume", "log_every", "data_digest", "report_to"};

bool own_of_each_run(const std::string& name) { return std::ranges::find(kOwnOfEachRun, name) != kOwnOfEachRun.end(); }

/// "name 3 -> 4" of each member that differs.
std::vector<std::string> differences(const Config& written, const Config& now) {
  std::vector<std::string> found;
  for (const auto& [name, value] : now.as_object()) {
    const Config* before = written.find(name);
    if (before == nullptr || *before != value) found.push_back(name + " " + (before != nullptr ? to_json(*before, -1) : "(none)") + " -> " + to_json(value, -1));
  }
  return found;
}

}  // namespace

Config TrainingState::to_config() const {
  Config config = Config::object();
  config.set("epoch", epoch);
  config.set("position", position);
  config.set("step", step);
  config.set("loss_sum", loss_sum);
  config.set("loss_count", loss_count);
  config.set("best_score", best_score ? Config(*best_score) : Config());
  config.set("best_epoch", best_epoch);
  config.set("best_checkpoint", best_checkpoint);
  config.set("guard", guard.state());
  return config;
}

TrainingState TrainingState::from_config(const Config& config, const std::string& path) {
  TrainingState state;
  state.epoch = config.at("epoch", path).as_int(path);
  state.position = config.at("position", path).as_int(path);
  state.step = config.at("step", path).as_int(path);
  state.loss_sum = config.at("loss_sum", path).as_double(path);
  state.loss_count = config.at("loss_count", path).as_int(path);
  if (const Config& best = config.at("best_score", path); !best.is_null()) state.best_score = best.as_double(path);
  state.best_epoch = config.at("best_epoch", path).as_int(path);
  state.best_checkpoint = config.at("best_checkpoint", path).as_string(path);
  state.guard.load_state(config.at("guard", path), path + "/guard");
  return state;
}

Config run_facts(const Loader& train, const ContrastiveTrainerOptions& options) {
  const LoaderOptions& o = train.options();
  Config facts = Config::object();
  facts.set("world_size", o.world_size);
  facts.set("batch_size", o.batch_size);
  facts.set("shuffle", o.shuffle);
  facts.set("drop_last", o.drop_last);
  facts.set("data_seed", o.seed);
  facts.set("samples", train.num_samples());
  facts.set("data_digest", options.data_digest);
  return facts;
}

void check_same_run(const Config& written, const Config& now, const std::filesystem::path& checkpoint) {
  const auto changed = differences(written, now);
  check<ConfigError>(changed.empty(), "[ContrastiveTrainer] expected the training that wrote {}, got another: {}; force_resume goes on all the same", {checkpoint, changed});
}

ContrastiveTrainerOptions resumed_options(const Config& written, const ContrastiveTrainerOptions& given, const std::filesystem::path& checkpoint) {
  const Config wanted = to_config(given);
  Config merged = wanted, old = Config::object(), now = Config::object();
  for (const auto& [name, value] : wanted.as_object()) {
    const Config* before = written.find(name);
    if (own_of_each_run(name) || before == nullptr) continue;
    old.set(name, *before);
    now.set(name, value);
    merged.set(name, *before);
  }
  if (const auto changed = differences(now, old); !changed.empty())
    log_message(LogLevel::warning, format_message("[ContrastiveTrainer] the options of the checkpoint {} win over those given: {}", {checkpoint, changed}));
  return alloy::from_config<ContrastiveTrainerOptions>(merged, checkpoint.string() + ":/state/options");
}

}  // namespace alloy::detail
