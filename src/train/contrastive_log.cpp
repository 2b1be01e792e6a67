// SPDX-License-Identifier: Apache-2.0
#include "train/detail/contrastive_log.hpp"

#include <alloy/core/json.hpp>
#include <alloy/io/atomic_write.hpp>
#include <alloy/io/file.hpp>

#include <fmt/format.h>
#include <sstream>

namespace alloy {

std::string log_line(const ContrastiveStepRecord& r) {
  std::string text = fmt::format("step {}/{}  epoch {}  loss {:.4f} (mean {:.4f})", r.step, r.steps, r.epoch + 1, r.loss, r.mean_loss);
  for (const auto& [name, value] : r.parts) text += fmt::format("  {} {:.4f}", name, value);
  for (const auto& [name, value] : r.scales) text += fmt::format("  scale {}{:.2f}", name == "all" ? "" : name + " ", value);
  text += fmt::format("  lr {:.3g}  grad {:.3g}  data {:.3f} s  batch {:.3f} s  {:.0f} samples/s", r.learning_rate, r.gradient_norm, r.data_seconds, r.step_seconds,
                      r.step_seconds > 0 ? static_cast<double>(r.samples) / r.step_seconds : 0.0);
  return r.skipped ? text + "  SKIPPED: not finite" : text;
}

namespace detail {

namespace {

constexpr uint64_t kMaxLogBytes = uint64_t{1} << 30;

template <class Map>
Config numbers(const Map& values) {
  Config config = Config::object();
  for (const auto& [name, value] : values) config.set(name, value);
  return config;
}

/// The lines of an earlier log up to a step.
std::string lines_until(const std::filesystem::path& path, int64_t step) {
  std::istringstream text(read_text_file(path, kMaxLogBytes));
  std::string kept, line;
  while (std::getline(text, line)) {
    try {
      if (const Config config = parse_json(line, path.string()); config.at("step").as_int() <= step) kept += line + "\n";
    } catch (const Error&) {
      continue;  // a crash may have cut the last line
    }
  }
  return kept;
}

}  // namespace

ContrastiveLog::ContrastiveLog(const std::filesystem::path& folder, int64_t step, bool tensorboard) {
  if (folder.empty()) return;
  path_ = folder / "log.jsonl";
  std::error_code ignored;
  if (step > 0 && std::filesystem::exists(path_, ignored)) write_file(path_, lines_until(path_, step));
  file_.open(path_, step > 0 ? std::ios::app : std::ios::trunc);
  check<IoError>(file_.is_open(), "[ContrastiveTrainer] expected to write the log {}, could not open it", {path_});
  if (tensorboard) board_ = std::make_unique<TensorBoardWriter>(folder / "events");
}

void ContrastiveLog::write_line(const Config& line) {
  if (path_.empty()) return;
  file_ << to_json(line, -1) << std::endl;  // flushed: the log is read while training runs
  check<IoError>(file_.good(), "[ContrastiveTrainer] cannot write the log {}: is the disk full?", {path_});
}

void ContrastiveLog::write(const ContrastiveStepRecord& r) {
  Config line = Config::object();
  line.set("kind", "step");
  line.set("step", r.step);
  line.set("epoch", r.epoch + 1);
  line.set("loss", r.loss);
  line.set("mean_loss", r.mean_loss);
  line.set("parts", numbers(r.parts));
  line.set("scales", numbers(r.scales));
  line.set("learning_rate", r.learning_rate);
  line.set("gradient_norm", r.gradient_norm);
  line.set("skipped", r.skipped);
  line.set("samples", r.samples);
  line.set("data_seconds", r.data_seconds);
  line.set("step_seconds", r.step_seconds);
  write_line(line);
  if (!board_) return;
  board_->add_scalar("loss/total", r.loss, r.step);
  for (const auto& [name, value] : r.parts) board_->add_scalar("loss/" + name, value, r.step);
  for (const auto& [name, value] : r.scales) board_->add_scalar("scale/" + name, value, r.step);
  board_->add_scalar("train/learning_rate", r.learning_rate, r.step);
  board_->add_scalar("train/gradient_norm", r.gradient_norm, r.step);
  board_->add_scalar("time/data_seconds", r.data_seconds, r.step);
  board_->add_scalar("time/step_seconds", r.step_seconds, r.step);
  board_->flush();
}

void ContrastiveLog::write(const ContrastiveEpochRecord& r) {
  Config line = Config::object();
  line.set("kind", "epoch");
  line.set("step", r.step);
  line.set("epoch", r.epoch + 1);
  line.set("train_loss", r.train_loss);
  if (r.validation) {
    if (r.validation->score) line.set("score", *r.validation->score);
    line.set("validation", numbers(r.validation->values));
  }
  line.set("seconds", r.seconds);
  write_line(line);
  if (!board_) return;
  board_->add_scalar("loss/epoch", r.train_loss, r.step);
  if (r.validation)
    for (const auto& [name, value] : r.validation->values) board_->add_scalar("validation/" + name, value, r.step);
  board_->flush();
}

}  // namespace detail
}  // namespace alloy
