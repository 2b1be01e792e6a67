// SPDX-License-Identifier: Apache-2.0
#include "emoji/measures.hpp"

#include <alloy/data/manifest_dataset.hpp>

#include <ATen/Functions.h>
#include <torch/types.h>

#include <sstream>

namespace alloy::tool::emoji {

namespace {

constexpr int64_t kPixelSide = 16;

const ModalityInfo& info_of(const SavedJoint& model, const std::string& name) {
  for (const ModalityInfo& info : model.modalities)
    if (info.name == name) return info;
  fail<ConfigError>("[emoji] expected a model with the modality '{}'", {name});
}

/// What changes a picture at the strength 0.6 of the perturbed test.
Config perturbation() {
  return Config::object({{"shift", Config(0.12)}, {"scale", Config(0.3)}, {"background", Config(1.0)}, {"brightness", Config(0.36)}, {"contrast", Config(0.36)}, {"saturation", Config(0.36)},
                         {"hue", Config(0.06)}});
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, '|');) parts.push_back(part);
  return parts;
}

/// The column of a manifest as a dataset of one modality; ids are row numbers, so that rows may repeat an emoji.
std::shared_ptr<const Dataset> column_data(const Manifest& manifest, const std::string& column, const std::string& as, std::shared_ptr<const ModalityReader> reader) {
  Manifest one{.columns = {as}, .rows = {}, .folder = manifest.folder, .source = manifest.source, .lines = manifest.lines};
  const auto place = static_cast<size_t>(manifest.column(column));
  for (const auto& row : manifest.rows) one.rows.push_back({row[place]});
  return std::make_shared<ManifestDataset>(one, ModalityMap<std::shared_ptr<const ModalityReader>>{{as, std::move(reader)}},
                                           ManifestDatasetOptions{.alternatives = "|", .choice = AlternativeChoice::first});
}

Tensor log_softmax_of(const Tensor& queries, const Tensor& items, double scale) { return at::log_softmax(scale * queries.mm(items.t()), 1); }

}  // namespace

Manifest where(const Manifest& manifest, const std::string& column, const std::string& value) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < manifest.num_rows(); ++row)
    if (manifest.cell(row, column) == value) rows.push_back(row);
  return manifest.select(rows);
}

Tensor embed_column(const SavedJoint& model, const Manifest& manifest, const Source& source) {
  const ModalityInfo& info = info_of(model, source.modality);
  Loader loader(column_data(manifest, source.column, source.modality, make_augmenting_reader(info.kind, info.preprocess, source.augment)), {.batch_size = 128, .shuffle = false, .workers = 1, .seed = 7});
  const EmbeddedSet set = embed_all(model.model, loader, {.only = {source.modality}});
  const Tensor values = set.modalities.at(source.modality).values;
  check<DataError>(values.size(0) == manifest.num_rows(), "[{}] expected {} usable cells in the column '{}', got {}", {manifest.source, manifest.num_rows(), source.column, values.size(0)});
  return values;
}

Tensor picture_groups(const Manifest& manifest) {
  std::map<std::string, int64_t> numbers;
  std::vector<int64_t> groups;
  for (int64_t row = 0; row < manifest.num_rows(); ++row) {
    std::string least = manifest.cell(row, "id");
    for (const std::string& same : split(manifest.cell(row, "same"))) least = std::min(least, same);
    groups.push_back(numbers.try_emplace(least, static_cast<int64_t>(numbers.size())).first->second);
  }
  return torch::tensor(groups, torch::kLong);
}

Tensor pixels_of(const Manifest& manifest, const std::string& column, const Config& augment) {
  const Config small = to_config(ImageTransformOptions{.size = kPixelSide, .interpolation = Interpolation::box, .mean = {0.0}, .std = {1.0}});
  Loader loader(column_data(manifest, column, "image", make_augmenting_reader("image", small, augment)), {.batch_size = 256, .shuffle = false, .workers = 1, .seed = 7});
  std::vector<Tensor> parts;
  for (LabelledBatch batch; loader.next(batch);) parts.push_back(batch.inputs.at("image").values.flatten(1));
  return at::cat(parts);
}

Measured unseen_style(const SavedJoint& model, const std::filesystem::path& data, bool perturbed) {
  const Manifest pictures = read_manifest(data / "test_style.csv"), train = read_manifest(data / "train.csv");
  std::map<std::string, int64_t> train_row;
  for (int64_t row = 0; row < train.num_rows(); ++row) train_row[train.cell(row, "id")] = row;
  std::vector<int64_t> known;  // the rows of train.csv of the same emoji, for the pixels of their known style
  for (int64_t row = 0; row < pictures.num_rows(); ++row) known.push_back(train_row.at(pictures.cell(row, "id")));
  const Config changes = perturbed ? perturbation() : Config();
  const Tensor groups = picture_groups(pictures);
  const RetrievalOptions options{.query_ids = groups, .item_ids = groups};
  const Tensor text = embed_column(model, pictures, {"text", "text"}), image = embed_column(model, pictures, {"image", "image", changes});
  const Tensor from = pixels_of(train.select(known), "image"), to = pixels_of(pictures, "image", changes);
  return {{"text to picture", retrieval_scores(text, image, options)}, {"nearest 16-px pixels", retrieval_scores(-at::cdist(from, to), options)}};
}

RetrievalScores unseen_emoji(const SavedJoint& model, const std::filesystem::path& data) {
  const Manifest fluent = where(read_manifest(data / "test_unseen.csv"), "style", "fluent");
  const Tensor groups = picture_groups(fluent);
  return retrieval_scores(embed_column(model, fluent, {"text", "text"}), embed_column(model, fluent, {"image", "image"}), {.query_ids = groups, .item_ids = groups});
}

KeywordScores held_out_keywords(const SavedJoint& model, const std::filesystem::path& data, bool new_words) {
  const Manifest pictures = read_manifest(data / "test_style.csv"), keywords = where(read_manifest(data / "test_keywords.csv"), "new", new_words ? "1" : "0");
  std::map<std::string, int64_t> place;
  for (int64_t row = 0; row < pictures.num_rows(); ++row) place[pictures.cell(row, "id")] = row;
  std::vector<int64_t> queries;  // each keyword once
  std::map<std::string, bool> seen;
  for (int64_t row = 0; row < keywords.num_rows(); ++row)
    if (seen.try_emplace(keywords.cell(row, "text"), true).second) queries.push_back(row);
  const Manifest asked = keywords.select(queries);
  const Tensor similarity = embed_column(model, asked, {"text", "text"}).mm(embed_column(model, pictures, {"image", "image"}).t());
  std::vector<double> ranks;
  KeywordScores scores;
  for (int64_t q = 0; q < asked.num_rows(); ++q) {
    std::vector<int64_t> right;
    for (const std::string& id : split(asked.cell(q, "relevant")))
      if (const auto found = place.find(id); found != place.end()) right.push_back(found->second);
    if (right.empty()) continue;
    const double best = similarity[q].index_select(0, torch::tensor(right, torch::kLong)).max().item<double>();
    ranks.push_back(1 + static_cast<double>(similarity[q].gt(best).sum().item<int64_t>()));
    scores.chance_10 += chance_recall(pictures.num_rows(), static_cast<int64_t>(right.size()), 10);
  }
  scores.queries = static_cast<int64_t>(ranks.size());
  scores.chance_10 /= static_cast<double>(ranks.size());
  const Tensor rank = torch::tensor(ranks, torch::kDouble);
  const auto within = [&](int64_t k) { return bootstrap(rank.size(0), [&, k](const Tensor& index) { return rank.index_select(0, index).le(k).to(torch::kDouble).mean().item<double>(); }); };
  scores.recall_1 = within(1);
  scores.recall_10 = within(10);
  return scores;
}

SpeechScores held_out_voices(const SavedJoint& model, const std::filesystem::path& data) {
  const Manifest names = read_manifest(data / "train.csv"), speech = read_manifest(data / "test_speech.csv"), pictures = read_manifest(data / "test_style.csv");
  const Tensor name = embed_column(model, names, {"text", "name"}), image = embed_column(model, pictures, {"image", "image"}), groups = picture_groups(pictures);
  std::map<std::string, int64_t> row_of, picture_of;
  for (int64_t row = 0; row < names.num_rows(); ++row) row_of[names.cell(row, "id")] = row;
  for (int64_t row = 0; row < pictures.num_rows(); ++row) picture_of[pictures.cell(row, "id")] = row;
  std::map<std::string, bool> voices;
  for (int64_t row = 0; row < speech.num_rows(); ++row) voices[speech.cell(row, "voice")] = true;
  SpeechScores scores;
  for (const auto& item : voices) {
    const Manifest said = where(speech, "voice", item.first);
    const Tensor audio = embed_column(model, said, {"audio", "audio"}), similarity = audio.mm(name.t());
    std::vector<int64_t> ids, picture_ids, pictured;
    for (int64_t row = 0; row < said.num_rows(); ++row) {
      ids.push_back(row_of.at(said.cell(row, "id")));
      if (const auto found = picture_of.find(said.cell(row, "id")); found != picture_of.end()) pictured.push_back(row), picture_ids.push_back(groups[found->second].item<int64_t>());
    }
    scores.to_name[item.first] = retrieval_scores(similarity, {.query_ids = torch::tensor(ids, torch::kLong), .item_ids = torch::arange(names.num_rows())});
    const Tensor heard = name.index_select(0, similarity.argmax(1).index_select(0, torch::tensor(pictured, torch::kLong)));
    scores.to_picture[item.first] = retrieval_scores(heard, image, {.query_ids = torch::tensor(picture_ids, torch::kLong), .item_ids = groups});
  }
  return scores;
}

Measured speech_and_keywords(const SavedJoint& model, const std::filesystem::path& data, double snr_db) {
  const Manifest all = read_manifest(data / "test_fusion.csv");
  const Tensor groups = picture_groups(all);
  const Config noise = Config::object({{"noise", Config(1.0)}, {"min_snr_db", Config(snr_db)}, {"max_snr_db", Config(snr_db)}});
  const Tensor image = embed_column(model, all, {"image", "image"}), name = embed_column(model, all, {"text", "name"});
  PairwiseLoss objective = JointEmbedding(model.model)->objective();
  const double scale = objective->scale("text", "audio")->forward().item<double>();
  const Tensor speech = log_softmax_of(embed_column(model, all, {"audio", "audio", noise}), name, scale);
  const Tensor keywords = log_softmax_of(embed_column(model, all, {"text", "text"}), image, scale) + log_softmax_of(embed_column(model, all, {"text", "text_b"}), image, scale);
  const RetrievalOptions options{.query_ids = groups, .item_ids = groups};
  return {{"noisy speech", retrieval_scores(speech, options)}, {"two keywords", retrieval_scores(keywords, options)}, {"product", retrieval_scores(speech + keywords, options)}};
}

}  // namespace alloy::tool::emoji
