// SPDX-License-Identifier: Apache-2.0
#include "train/detail/run_report.hpp"

#include <alloy/core/json.hpp>
#include <alloy/eval/contrastive_report.hpp>
#include <alloy/eval/joint_scores.hpp>
#include <alloy/io/file.hpp>

#include <torch/types.h>

#include <map>
#include <sstream>

namespace alloy::detail {

namespace {

constexpr int64_t kMatrixSamples = 32, kExamples = 6, kResults = 5, kPictures = 512;
constexpr uint64_t kMaxLogBytes = uint64_t{1} << 30;

void flatten(const Config& config, const std::string& prefix, std::vector<std::pair<std::string, std::string>>& out) {
  for (const auto& [name, value] : config.as_object()) {
    if (value.is_object() && !value.as_object().empty()) flatten(value, prefix + name + ".", out);
    else out.emplace_back(prefix + name, to_json(value, -1));
  }
}

/// Curves out of the log, so that those of a training that was resumed are whole.
std::vector<ReportSeries> curves(const std::filesystem::path& log) {
  std::vector<ReportSeries> series;
  const auto add = [&](const std::string& name, double step, const Config& value, html::AxisScale scale = html::AxisScale::linear) {
    if (value.is_null()) return;  // NaN
    auto found = std::ranges::find(series, name, &ReportSeries::name);
    if (found == series.end()) found = series.insert(series.end(), {.name = name, .points = {}, .scale = scale});
    found->points.push_back({step, value.as_double()});
  };
  std::istringstream text(read_text_file(log, kMaxLogBytes));
  for (std::string line; std::getline(text, line);) {
    const Config record = parse_json(line, log.string());
    const auto step = static_cast<double>(record.at("step").as_int());
    if (record.at("kind").as_string() == "step") {
      add("loss/epoch so far", step, record.at("mean_loss"));
      for (const auto& [pair, value] : record.at("parts").as_object()) add("pairs/" + pair, step, value);
      for (const auto& [name, value] : record.at("scales").as_object()) add("inverse temperature/" + name, step, value);
      add("gradient norm/before clipping", step, record.at("gradient_norm"), html::AxisScale::logarithmic);
      add("learning rate/rate", step, record.at("learning_rate"));
      continue;
    }
    add("loss/whole epochs", step, record.at("train_loss"));
    if (const Config* validation = record.find("validation"))
      for (const auto& [name, value] : validation->as_object()) {
        const size_t space = name.rfind(' ');
        if (space == std::string::npos) add("validation/" + name, step, value);
        else add("validation " + name.substr(space + 1) + "/" + name.substr(0, space), step, value);
      }
  }
  return series;
}

/// A sample's values as a picture, if they look like one; brought to the whole range of grey.
Image picture_of(const Tensor& values) {
  if (values.dim() != 3 || (values.size(0) != 1 && values.size(0) != 3) || values.size(1) > kPictures || values.size(2) > kPictures) return {};
  const double low = values.min().item<double>(), high = values.max().item<double>();
  const Tensor bytes = ((values - low) / std::max(high - low, 1e-6) * 255).round().to(at::kByte).permute({1, 2, 0}).contiguous();  // [H, W, C]
  Image image{.width = bytes.size(1), .height = bytes.size(0), .channels = bytes.size(2)};
  image.pixels.assign(bytes.const_data_ptr<uint8_t>(), bytes.const_data_ptr<uint8_t>() + bytes.numel());
  return image;
}

/// What is shown of the first samples: their id, and a picture of a modality that has one.
class Shown {
 public:
  explicit Shown(Loader& loader) {
    loader.start(0);
    for (LabelledBatch batch; loader.next(batch);)
      for (size_t i = 0; i < batch.ids.size(); ++i) {
        const int64_t place = next_++;
        for (const auto& [name, input] : batch.inputs) {
          const bool present = !input.present.defined() || input.present[static_cast<int64_t>(i)].item<bool>();
          if (!present) continue;
          if (Image image = picture_of(input.values[static_cast<int64_t>(i)]); !image.pixels.empty()) pictures_[{name, place}] = std::move(image);
        }
        if (next_ >= kPictures) return;
      }
  }
  RetrievalItem item(const EmbeddedSet& set, const std::string& modality, int64_t sample) const {
    RetrievalItem item{.text = set.ids[static_cast<size_t>(sample)]};
    if (const auto found = pictures_.find({modality, sample}); found != pictures_.end()) item.picture = found->second;
    return item;
  }

 private:
  std::map<std::pair<std::string, int64_t>, Image> pictures_;
  int64_t next_ = 0;
};

/// Rows of both modalities of the samples that have both.
std::tuple<Tensor, Tensor, Tensor> partners(const EmbeddedSet& set, const std::string& from, const std::string& to) {
  const EmbeddedRows &a = set.modalities.at(from), &b = set.modalities.at(to);
  const Tensor in_a = at::isin(a.samples, b.samples), in_b = at::isin(b.samples, a.samples);
  return {a.values.index({in_a}), b.values.index({in_b}), a.samples.index({in_a})};
}

void add_retrieval(ContrastiveReport& report, const EmbeddedSet& set, const JointScores& pair, const Shown& shown) {
  const auto score = [&](const char* name) { return pair.found.at(name).score; };
  std::string ordered = std::min(pair.from, pair.to) + ", " + std::max(pair.from, pair.to);
  report.scores.push_back({.pair = ordered, .direction = pair.from + " → " + pair.to, .recall_1 = score("R@1"), .recall_5 = score("R@5"), .recall_10 = score("R@10"),
                           .median_rank = score("median_rank"), .mean_reciprocal_rank = score("mrr")});
  const auto [a, b, samples] = partners(set, pair.from, pair.to);
  if (pair.from < pair.to) {
    const int64_t n = std::min(a.size(0), kMatrixSamples);
    report.similarities.push_back({.row_modality = pair.from, .column_modality = pair.to, .values = a.narrow(0, 0, n).mm(b.narrow(0, 0, n).t())});
  }
  const int64_t step = std::max<int64_t>(1, a.size(0) / kExamples);
  for (int64_t q = 0; q < a.size(0) && q < step * kExamples; q += step) {
    const auto [scores, order] = b.mv(a[q]).topk(std::min(kResults, b.size(0)));
    RetrievalExample example{.direction = pair.from + " → " + pair.to, .query = shown.item(set, pair.from, samples[q].item<int64_t>()), .results = {}};
    for (int64_t i = 0; i < order.size(0); ++i) {
      RetrievalItem found = shown.item(set, pair.to, samples[order[i].item<int64_t>()].item<int64_t>());
      found.score = scores[i].item<double>();
      found.right = set.ids[static_cast<size_t>(samples[q].item<int64_t>())] == set.ids[static_cast<size_t>(samples[order[i].item<int64_t>()].item<int64_t>())];
      example.results.push_back(std::move(found));
    }
    report.examples.push_back(std::move(example));
  }
}

}  // namespace

void write_run_report(const std::filesystem::path& folder, const ContrastiveTrainerOptions& options, const JointEmbedding& model, Loader* valid, const CancelToken& cancel) {
  ContrastiveReport report{.title = "Contrastive training"};
  flatten(to_config(options), "", report.settings);
  report.series = curves(folder / "log.jsonl");
  if (valid != nullptr) {
    std::vector<std::string> names;
    for (const std::string& name : model->modalities())
      if (model->view_of(name) == name) names.push_back(name);
    valid->start(0);
    const EmbeddedSet set = embed_all(model, *valid, {.only = names, .cancel = cancel});
    const Shown shown(*valid);
    for (const JointScores& pair : joint_scores(set, {.retrieval = {.cancel = cancel}})) add_retrieval(report, set, pair, shown);
    for (const auto& [name, rows] : set.modalities) {
      Tensor all = at::zeros({static_cast<int64_t>(set.ids.size()), rows.values.size(1)}, rows.values.options());
      report.embeddings.push_back({name, all.index_copy(0, rows.samples, rows.values)});
    }
  }
  save_contrastive_report(folder / "report.html", report);
}

}  // namespace alloy::detail
