// SPDX-License-Identifier: Apache-2.0
#include "emoji/report.hpp"

#include <alloy/eval/contrastive_report.hpp>
#include <alloy/preprocess/image.hpp>

#include <ATen/Functions.h>
#include <torch/types.h>

#include <cstring>
#include <fmt/format.h>

namespace alloy::tool::emoji {

namespace {

constexpr int64_t kShownSide = 64, kExamples = 6, kResults = 6, kMatrix = 32;

Image small_picture(const std::filesystem::path& path) {
  const Image image = read_image(path, ImageMode::rgba);
  const Tensor pixels = at::empty({image.height, image.width, 4}, at::kByte);
  std::memcpy(pixels.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
  const ImageTransform transform({.size = kShownSide, .mean = {0.0}, .std = {1.0}});
  const Tensor bytes = (transform(pixels) * 255).round().clamp(0, 255).to(at::kByte).permute({1, 2, 0}).contiguous();
  Image shown{.width = kShownSide, .height = kShownSide, .channels = 3};
  shown.pixels.assign(bytes.const_data_ptr<uint8_t>(), bytes.const_data_ptr<uint8_t>() + bytes.numel());
  return shown;
}

/// A query and what it found among the pictures of the unseen style.
RetrievalExample example_of(const std::string& direction, const std::string& asked, const Tensor& similarity, const Manifest& pictures, const Tensor& groups, int64_t row) {
  RetrievalExample example{.direction = direction, .query = {.text = asked}, .results = {}};
  const auto [scores, order] = similarity.topk(kResults);
  for (int64_t i = 0; i < kResults; ++i) {
    const int64_t found = order[i].item<int64_t>();
    example.results.push_back({.text = pictures.cell(found, "name"), .picture = small_picture(pictures.folder / pictures.cell(found, "image")), .score = scores[i].item<double>(),
                               .right = groups[found].item<int64_t>() == groups[row].item<int64_t>()});
  }
  return example;
}

/// Of all queries, those whose right picture came last, and some of those it came first for.
void add_examples(ContrastiveReport& report, const std::string& what, const Tensor& queries, const Tensor& images, const Manifest& pictures, const Tensor& groups, const std::vector<int64_t>& rows) {
  const Tensor similarity = queries.mm(images.t());
  const Tensor right = torch::tensor(rows, torch::kLong);
  const Tensor own = similarity.gather(1, right.unsqueeze(1));
  const Tensor order = similarity.gt(own).sum(1).argsort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
  const int64_t count = order.size(0), found = std::max<int64_t>(1, similarity.gt(own).sum(1).eq(0).sum().item<int64_t>());
  for (int64_t i = 0; i < 2 * kExamples; ++i) {
    const bool best = i < kExamples;
    const int64_t q = order[best ? i * found / kExamples : count - 1 - (i - kExamples)].item<int64_t>();
    const int64_t row = rows[static_cast<size_t>(q)];
    report.examples.push_back(example_of(what + (best ? ", some that were found" : ", the worst"), pictures.cell(row, "name"), similarity[q], pictures, groups, row));
  }
}

}  // namespace

void write_demo_report(const std::filesystem::path& file, const DemoOptions& options, const DemoResult& result, const SavedJoint& model) {
  ContrastiveReport report{.title = "Find an emoji by typing or by saying it"};
  for (const Expectation& e : result.expectations)
    report.findings.emplace_back(e.text, fmt::format("{:.1f} %, at least {:.1f} %: {}", 100 * e.measured, 100 * e.floor, e.met() ? "met" : "MISSED"));
  for (const Figure& f : result.seeds.front().figures)
    report.findings.emplace_back(f.question + ", " + f.way + ", " + f.score, fmt::format("{:.1f} % ({:.1f} .. {:.1f}), by chance {:.2f} %", 100 * f.value, 100 * f.low, 100 * f.high, 100 * f.chance));
  const Manifest pictures = read_manifest(options.data / "test_style.csv");
  const Tensor groups = picture_groups(pictures), image = embed_column(model, pictures, {"image", "image"}), text = embed_column(model, pictures, {"text", "text"});
  std::vector<int64_t> own;
  std::map<std::string, int64_t> row_of;
  for (int64_t row = 0; row < pictures.num_rows(); ++row) own.push_back(row), row_of[pictures.cell(row, "id")] = row;
  add_examples(report, "typed name to unseen style", text, image, pictures, groups, own);

  const Manifest speech = read_manifest(options.data / "test_speech.csv"), one_voice = where(speech, "voice", speech.cell(0, "voice"));
  std::vector<int64_t> said, rows;
  for (int64_t row = 0; row < one_voice.num_rows(); ++row)
    if (const auto found = row_of.find(one_voice.cell(row, "id")); found != row_of.end()) said.push_back(row), rows.push_back(found->second);
  const Tensor audio = embed_column(model, one_voice.select(said), {"audio", "audio"});
  add_examples(report, "name said by an unseen voice to unseen style", audio, image, pictures, groups, rows);

  report.similarities.push_back({.row_modality = "text", .column_modality = "image", .values = text.narrow(0, 0, kMatrix).mm(image.narrow(0, 0, kMatrix).t())});
  const Tensor spoken = at::zeros_like(text).index_copy(0, torch::tensor(rows, torch::kLong), audio);
  report.embeddings = {{"text", text}, {"image", image}, {"speech", spoken}};
  save_contrastive_report(file, report);
}

}  // namespace alloy::tool::emoji
