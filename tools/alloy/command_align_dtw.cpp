// SPDX-License-Identifier: Apache-2.0
#include "command_align.hpp"
#include "console.hpp"

#include <alloy/alignment/dtw.hpp>
#include <alloy/core/json.hpp>
#include <alloy/io/number_table.hpp>

#include <ATen/Functions.h>

#include <fmt/format.h>

namespace alloy::tool {

namespace {

struct Given {
  std::filesystem::path first, second;
  std::string cost = "squared_euclidean", ends = "closed";
  DtwOptions options = {};
  bool json = false;
};

Tensor read_series(const std::filesystem::path& path) {
  const NumberTable table = read_number_table(path);
  return at::tensor(at::ArrayRef<double>(table.values), at::kDouble).view({table.rows(), table.width});
}

template <NamedEnum E>
std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [value, name] : enum_names(E{})) all.emplace_back(name);
  return all;
}

/// Steps that go the same way, one after the other.
struct Run {
  int64_t first, last, first_of_other, last_of_other;
  std::string_view way() const { return first == last ? "first waits" : first_of_other == last_of_other ? "second waits" : "together"; }
};
std::vector<Run> runs_of(const Tensor& path) {
  const auto step = path.accessor<int64_t, 2>();
  std::vector<Run> runs;
  for (int64_t k = 1; k < path.size(0); ++k) {
    const Run next{step[k - 1][0], step[k][0], step[k - 1][1], step[k][1]};
    if (!runs.empty() && runs.back().way() == next.way()) runs.back().last = next.last, runs.back().last_of_other = next.last_of_other;
    else runs.push_back(next);
  }
  return runs;
}

void print(const Given& given, const DtwResult& result, const Tensor& x, const Tensor& y) {
  if (given.json) {
    Config::Array path;
    const auto step = result.path.accessor<int64_t, 2>();
    for (int64_t k = 0; k < result.path.size(0); ++k) path.push_back(Config::array({step[k][0], step[k][1]}));
    fmt::print(
        "{}\n",
        to_json(Config::object({{"distance", result.distance}, {"steps", Config::array({x.size(0), y.size(0)})}, {"path", Config(std::move(path))}}),
                -1));
    return;
  }
  constexpr size_t kMost = 40;
  fmt::print("distance  {:.6g}\n{} and {} steps of {}, a path of {} pairs of steps\n\n", result.distance, count_text(x.size(0)),
             count_text(y.size(0)), x.size(1) == 1 ? "one number" : fmt::format("{} numbers", x.size(1)), count_text(result.path.size(0)));
  const std::vector<Run> runs = runs_of(result.path);
  Table table({"", "steps of the first", "steps of the second"});
  const auto range = [](int64_t from, int64_t to) { return from == to ? std::to_string(from) : fmt::format("{} .. {}", from, to); };
  for (size_t k = 0; k < std::min(kMost, runs.size()); ++k)
    table.add({std::string(runs[k].way()), range(runs[k].first, runs[k].last), range(runs[k].first_of_other, runs[k].last_of_other)});
  if (runs.empty())
    table.add({"together", range(result.path[0][0].item<int64_t>(), result.path[0][0].item<int64_t>()),
               range(result.path[0][1].item<int64_t>(), result.path[0][1].item<int64_t>())});
  fmt::print("{}", table.text());
  if (runs.size() > kMost) fmt::print("... and {} more; --json gives every pair of steps\n", count_text(static_cast<int64_t>(runs.size() - kMost)));
}

void align_dtw(Given given) {
  given.options.cost = enum_from_name<DtwCost>(given.cost);
  given.options.ends = enum_from_name<DtwEnds>(given.ends);
  if (given.options.max_slope > 0 && given.options.ends != DtwEnds::closed)
    throw UsageError(fmt::format("--slope: expected --ends closed, since the parallelogram begins and ends in the corners, got {}", given.ends));
  const Tensor x = read_series(given.first), y = read_series(given.second);
  check<DataError>(x.size(1) == y.size(1), "[align dtw] expected as many numbers a step in both files, got {} in {} and {} in {}",
                   {x.size(1), given.first, y.size(1), given.second});
  DtwResult result;
  {
    ProgressPrinter printer;
    result = naming(fmt::format("{} and {}", given.first.string(), given.second.string()),
                    [&] { return dtw(x, y, given.options, {.progress = [&](const Progress& p) { printer.update(p); }, .cancel = signal_token()}); });
  }
  print(given, result, x, y);
}

}  // namespace

void add_align_dtw(CLI::App& align) {
  auto given = std::make_shared<Given>();
  CLI::App* command = align.add_subcommand("dtw", "The cheapest way to lay two series along each other: distance and path");
  command->add_option("first", given->first, "CSV file of numbers, a line a step")->required()->check(filled("a file"));
  command->add_option("second", given->second, "the same, with as many numbers a step")->required()->check(filled("a file"));
  auto* band =
      command->add_option("--band", given->options.radius, "steps that the path may be off the diagonal; default: any")->transform(whole_number(0));
  command->add_option("--slope", given->options.max_slope, "Itakura's parallelogram of that slope")->check(number(1, 1e9))->excludes(band);
  command->add_option("--cost", given->cost, "of a pair of steps; default: squared_euclidean, and the root of the sum")
      ->check(CLI::IsMember(names<DtwCost>()));
  command->add_option("--ends", given->ends, "where the path may begin and end in the second; default: closed")
      ->check(CLI::IsMember(names<DtwEnds>()));
  command->add_option("--max-path-mb", given->options.max_path_mb, "memory for the path")
      ->capture_default_str()
      ->transform(whole_number(1, 1'000'000));
  command->add_flag("--json", given->json, "as JSON, with every pair of steps");
  command->callback([given] { align_dtw(*given); });
}

}  // namespace alloy::tool
