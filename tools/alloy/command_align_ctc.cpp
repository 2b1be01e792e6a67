// SPDX-License-Identifier: Apache-2.0
#include "command_align.hpp"
#include "console.hpp"

#include <alloy/alignment/ctc_align.hpp>
#include <alloy/core/json.hpp>
#include <alloy/io/safetensors.hpp>

#include <charconv>
#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path log_probs;
  std::string tensor, targets;
  double frame_ms = 0;
  CtcAlignOptions options = {};
  bool json = false;
};

/// "1 5 5 2", with blanks or commas; there is an id on either side of a comma.
std::vector<int64_t> parse_targets(const std::string& text) {
  const auto expect = [](bool ids, const std::string& got) {
    if (!ids) throw UsageError(fmt::format("--targets: expected token ids such as \"1 5 5 2\", got {}", got));
  };
  expect(!text.empty(), "an empty text");
  std::vector<int64_t> targets;
  for (size_t begin = 0; begin <= text.size();) {
    const std::string part = text.substr(begin, text.find(',', begin) - begin);
    begin += part.size() + 1;
    const size_t before = targets.size();
    for (size_t place = 0; (place = part.find_first_not_of(" \t\n", place)) != std::string::npos;) {
      const size_t end = std::min(part.find_first_of(" \t\n", place), part.size());
      int64_t token = 0;
      const auto [stop, error] = std::from_chars(part.data() + place, part.data() + end, token);
      expect(error == std::errc() && stop == part.data() + end, shown(part.substr(place, end - place)));
      targets.push_back(token);
      place = end;
    }
    expect(targets.size() > before, "no id " + std::string(part.size() < text.size() ? "beside a comma in " : "in ") + shown(text));
  }
  return targets;
}

/// The one that is named, or the only one.
Tensor read_log_probs(const Given& given) {
  std::vector<std::string> names;
  std::pair<std::string, Tensor> found;
  for (auto& [name, tensor] : load_safetensors(given.log_probs, {.non_finite = NonFinite::allow})) {  // -inf is a probability of 0
    names.push_back(name);
    if (given.tensor.empty() || name == given.tensor) found = {name, tensor};
  }
  const auto& [name, tensor] = found;
  check<DataError>(tensor.defined() && (names.size() == 1 || !given.tensor.empty()), "[{}] expected {}, got: {}",
                   {given.log_probs, given.tensor.empty() ? std::string("one tensor, or --tensor NAME") : "a tensor '" + given.tensor + "'", names});
  check<DataError>(tensor.dim() == 2 && tensor.is_floating_point(), "[{}] expected log-probabilities [T, V] of floating numbers, got {} in '{}'",
                   {given.log_probs, tensor, name});
  return tensor;
}

void print(const Given& given, const CtcAlignment& found) {
  if (given.json) {
    Config::Array spans;
    for (const TokenSpan& span : found.spans) {
      Config entry = Config::object({{"token", span.token}, {"start", span.start}, {"stop", span.stop}, {"score", span.score}});
      if (given.frame_ms > 0)
        entry.set("start_seconds", 1e-3 * given.frame_ms * static_cast<double>(span.start)),
            entry.set("stop_seconds", 1e-3 * given.frame_ms * static_cast<double>(span.stop));
      spans.push_back(std::move(entry));
    }
    fmt::print("{}\n",
               to_json(Config::object(
                   {{"frames", static_cast<int64_t>(found.labels.size())}, {"log_score", found.log_score}, {"spans", Config(std::move(spans))}})));
    return;
  }
  std::vector<std::string> head = {"token", "frames", "score"};
  if (given.frame_ms > 0) head.emplace_back("seconds");
  Table table(head);
  for (const TokenSpan& span : found.spans) {
    std::vector<std::string> row = {std::to_string(span.token), fmt::format("[{}, {})", span.start, span.stop), fmt::format("{:.3f}", span.score)};
    if (given.frame_ms > 0)
      row.push_back(fmt::format("{:.3f} .. {:.3f}", 1e-3 * given.frame_ms * static_cast<double>(span.start),
                                1e-3 * given.frame_ms * static_cast<double>(span.stop)));
    table.add(row);
  }
  fmt::print("{}\n{} frames, log-probability of the path {:.4f}\n", table.text(), count_text(static_cast<int64_t>(found.labels.size())),
             found.log_score);
}

void align_ctc(const Given& given) {
  const std::vector<int64_t> targets = parse_targets(given.targets);
  const Tensor log_probs = read_log_probs(given);
  CtcAlignment found;
  {
    ProgressPrinter printer;
    found = ctc_forced_align(
        log_probs, targets, given.options, [&](const Progress& p) { printer.update(p); }, signal_token());
  }
  print(given, found);
}

}  // namespace

void add_align_ctc(CLI::App& align) {
  auto given = std::make_shared<Given>();
  CLI::App* command = align.add_subcommand("ctc", "When each token was said, by the log-probabilities of a network trained with CTC");
  command->add_option("--log-probs", given->log_probs, "safetensors file with a tensor [T, V], frames by tokens, natural logarithms")
      ->required()
      ->check(filled("a file"));
  command->add_option("--targets", given->targets, "what was said, as ids of tokens: \"1 5 5 2\"")->required();
  command->add_option("--blank", given->options.blank, "id of the blank")->transform(whole_number(0))->capture_default_str();
  command->add_option("--tensor", given->tensor, "name of the tensor, where the file has several")->check(filled("a name"));
  command->add_option("--frame-ms", given->frame_ms, "time from frame to frame, to print seconds too")->check(number(1e-3, 1e5));
  command->add_flag("--json", given->json, "as JSON");
  command->callback([given] { align_ctc(*given); });
}

}  // namespace alloy::tool
