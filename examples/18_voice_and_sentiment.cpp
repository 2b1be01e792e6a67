// SPDX-License-Identifier: Apache-2.0
/// Voices and short reviews in one space: which text feels as a voice sounds, and where voice and words disagree. Voices are synthesised in
/// six prosodies, reviews generated with five sentiments; both come to three shared labels. Families of voices, forms of telling words
/// and things reviewed are held out. Beside it the same training on the mean pitch and rate of a voice alone.
///
///     example_18_voice_and_sentiment                            168 pairs, seconds: melody tells more, by how much it cannot say
///     example_18_voice_and_sentiment --full --report page.html  2400 pairs, several minutes
///     example_18_voice_and_sentiment --csv FILE                 recordings of your own: columns path, label, text; see docs/alignment.md

#include "example_arguments.hpp"

#include <alloy/alignment/embedding_geometry.hpp>
#include <alloy/alignment/label_map.hpp>
#include <alloy/alignment/matching.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/voice_reviews.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/encoders/table.hpp>
#include <alloy/eval/auroc.hpp>
#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/pointing.hpp>
#include <alloy/eval/retrieval_metrics.hpp>
#include <alloy/train/contrastive_trainer.hpp>

#include <ATen/Functions.h>

using namespace alloy;

namespace {

constexpr int64_t kBuckets = 4096;

struct Task {
  VoiceReviewSet train, test;
  LabelMap voices, texts;  // to shared labels
};

Task synthesised(bool full, const std::filesystem::path& cache) {
  VoiceReviewOptions options;
  options.train_size = full ? 2400 : 168, options.test_size = full ? 600 : 60;
  options.speech.cache = cache;
  Task task{make_voice_reviews(options, VoiceSplit::train), make_voice_reviews(options, VoiceSplit::test), prosody_labels(), sentiment_labels()};
  const SharedLabels learnt =
      learn_shared_labels(task.train.voice_labels, task.train.text_labels, task.train.voice_classes, task.train.text_classes, 3);
  std::printf("given: %s\n       %s\nlearnt from the pairs alone, %.0f %% agree:", task.voices.to_text().c_str(), task.texts.to_text().c_str(),
              100 * learnt.agreement);
  for (const std::string& name : learnt.first.shared) std::printf("  %s", name.c_str());
  std::printf("\n");
  return task;
}

Task recorded(const std::filesystem::path& file) {
  const Manifest table = read_manifest(file);
  Task task{read_voice_reviews(table, VoiceSplit::train), read_voice_reviews(table, VoiceSplit::test), {}, {}};
  std::vector<std::pair<std::string, std::string>> same;
  for (const std::string& label : task.train.voice_labels) same.emplace_back(label, label);
  task.voices = map_labels(same);
  task.texts = learn_label_map(task.train.text_labels, task.voices.shared, task.train.text_classes, task.train.voice_classes, {.least_samples = 1});
  std::printf("labels of texts, learnt: %s\n", task.texts.to_text().c_str());
  return task;
}

/// Of one model, on pairs not seen.
struct Found {
  Score voice_to_text, text_to_voice, disagreement;
  Tensor right;  // [N] double, 1 where the nearest mean of a label's training texts is that of the voice's label
};

Found learn(const Task& task, const Handle<Encoder>& voice_encoder, const std::shared_ptr<MemoryDataset>& train,
            const std::shared_ptr<MemoryDataset>& test, int64_t epochs) {
  // [voice and sentiment]
  JointEmbedding joint({.dim = 32});
  joint->add("voice", voice_encoder);
  joint->add("text", HashedTextEncoder({.buckets = kBuckets, .dim = 32, .embedding_dim = 32, .hidden_dim = 64, .id_dropout_rate = 0.3}));
  Loader loader(train, {.batch_size = std::min<int64_t>(32, train->size()), .drop_last = true});
  ContrastiveTrainer(
      joint,
      {.learning_rate = 5e-3, .epochs = epochs, .optimizer = {.weight_decay = 0.05}, .schedule = {.warmup = 10}, .positives = Positives::targets})
      .fit(loader);

  Loader seen(train, {.shuffle = false}), unseen(test, {.shuffle = false});
  const EmbeddedSet known = embed_all(joint, seen), found = embed_all(joint, unseen);
  const Tensor voices = found.modalities.at("voice").values, texts = found.modalities.at("text").values;
  const Tensor similarity = csls(voices.matmul(texts.t()));  // a few hubs would be what is found otherwise
  const RetrievalOptions same_label{.query_ids = found.target, .item_ids = found.target};
  Found out{.voice_to_text = retrieval_scores(similarity, same_label).at("R@1").score,
            .text_to_voice = retrieval_scores(similarity.t().contiguous(), same_label).at("R@1").score};
  // [voice and sentiment]
  const Tensor means = at::one_hot(known.target, std::ssize(task.voices.shared)).to(at::kFloat).t().matmul(known.modalities.at("text").values);
  const Tensor nearest = voices.matmul((means / means.norm(2, {1}, true)).t()).argmax(1);
  out.right = nearest.eq(found.target).to(at::kDouble);
  out.disagreement = disagreement_auroc(voices, texts, found.target);
  std::printf("%s\n", to_text(alignment_uniformity(voices, texts), "voices", "texts").c_str());
  return out;
}

int compare(const example::Arguments& arguments) {
  const ThreadScope one_thread(1);
  const bool full = arguments.has("--full"), csv = arguments.has("--csv");
  const Task task = csv ? recorded(arguments.value("--csv")) : synthesised(full, arguments.value("--cache"));
  const VoiceReviewFeatures train = voice_review_features(task.train, task.voices, kBuckets),
                            test = voice_review_features(task.test, task.voices, kBuckets, &train);

  const int64_t epochs = std::clamp<int64_t>(3000 / task.train.size(), 16, 100);  // few pairs are gone through more often
  const bool others = std::ranges::none_of(
      task.test.speakers, [&](const std::string& name) { return name.empty() || std::ranges::find(task.train.speakers, name) != task.train.speakers.end(); });
  const std::string note =
      std::to_string(task.train.size()) + " pairs to learn from, " + std::to_string(task.test.size()) + (others ? " of other voices" : "") + " to report on" +
      (!others ? ", some of the same voices: figures are too good." : full || csv ? "." : ". This is the small form: it shows that the melody tells more than mean pitch and rate, not by how much.");
  seed_everything(1);
  std::printf("%s\n\nmelody:\n", note.c_str());
  const Found melody = learn(task, DilatedConvEncoder({.channels = 4, .dim = 32, .layers = 5}), train.by_melody(), test.by_melody(), epochs);
  seed_everything(1);
  std::printf("mean pitch and rate:\n");
  const Found baseline = learn(task, TableEncoder({.numbers = 2, .dim = 32}), train.by_pitch_and_rate(), test.by_pitch_and_rate(), epochs);

  html::BarChart bars{
      .title = "Melody, and below it mean pitch and rate", .description = "The same training on either, of the same voices", .bars = {}};
  const auto add = [&](const std::string& what, const Score& ours, const Score& theirs) {
    std::printf("%-34s %.2f (%.2f .. %.2f)   %.2f (%.2f .. %.2f)\n", what.c_str(), ours.value, ours.low, ours.high, theirs.value, theirs.low,
                theirs.high);
    bars.bars.push_back({.label = what, .score = ours});
    bars.bars.push_back({.label = "by mean pitch and rate", .css = "c0", .score = theirs});
  };
  std::printf("%-34s %-21s %s\n", "", "melody", "mean pitch and rate");
  add("voice to text, R@1", melody.voice_to_text, baseline.voice_to_text);
  add("text to voice, R@1", melody.text_to_voice, baseline.text_to_voice);
  const Tensor speakers = task.test.speaker_groups();  // what one speaker says rises and falls together
  add("label of a voice by its texts", grouped_mean(melody.right, speakers), grouped_mean(baseline.right, speakers));
  add("voice and words disagree, AUROC", melody.disagreement, baseline.disagreement);
  const Score gain = grouped_mean(melody.right - baseline.right, speakers);
  const auto labels = static_cast<long long>(std::ssize(task.voices.shared));
  char verdict[200];
  std::snprintf(verdict, sizeof verdict,
                "by chance: 1 of %lld labels, AUROC 0.50; labels gained: %+.0f points (%+.0f .. %+.0f)\nthe baseline is %sbeaten by 10 points",
                labels, 100 * gain.value, 100 * gain.low, 100 * gain.high, gain.low > 0.10 ? "" : "not ");
  std::puts(verdict);
  const std::string page = "<h1>Voices and reviews in one space</h1><p>" + html::escape(note) + "</p><p>" +
                           (csv ? "Recordings of your own." : "Synthesised prosody, not emotion; no person wrote the reviews.") + "</p>" +
                           html::bar_chart(bars) + "<pre>" + verdict + "</pre>";
  if (arguments.has("--report")) write_file(arguments.value("--report"), html::page({.title = "Voices and reviews", .body = page}));
  if (csv) return std::puts("ran as expected; how good is good enough on recordings of your own is yours to say"), 0;
  const bool expected = gain.low > 0.10 && melody.disagreement.low > (full ? 0.85 : 0.7);
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(
      argc, argv, "Voices and reviews in one space: without --full 168 pairs, seconds; too few to say by how much melody is better.",
      {example::full_flag("2400 pairs, several minutes"),
       example::report_flag(),
       {"--csv", "recordings of your own: a table of path, label and text", {"FILE.csv"}, example::Place::none, {"--full", "--cache"}},
       {"--cache", "keeps the synthesised speech for the next time", {"FOLDER"}, example::Place::folder}},
      compare);
}
