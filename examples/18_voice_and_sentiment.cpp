// SPDX-License-Identifier: Apache-2.0
/// Voices and short reviews in one space: which text feels as a voice sounds, and where voice and words disagree. Voices are synthesised in
/// six prosodies, reviews generated with five sentiments; both come to three shared labels. Families of voices, forms of telling words
/// and things reviewed are held out. Beside it the same training on the mean pitch and rate of a voice alone.
///
///     example_18_voice_and_sentiment [--full]      # --full: 2400 pairs rather than 168, several minutes
///     example_18_voice_and_sentiment --csv FILE    # recordings of your own: columns path, label, text, optional speaker, split, text_label

#include <alloy/alignment/embedding_geometry.hpp>
#include <alloy/alignment/label_map.hpp>
#include <alloy/alignment/matching.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/voice_reviews.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/encoders/table.hpp>
#include <alloy/eval/auroc.hpp>
#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/retrieval_metrics.hpp>
#include <alloy/train/contrastive_trainer.hpp>

#include <ATen/Functions.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

using namespace alloy;

namespace {

constexpr int64_t kBuckets = 4096;

struct Task {
  VoiceReviewSet train, test;
  LabelMap voices, texts;  // to shared labels
};

Task synthesised(bool full) {
  VoiceReviewOptions options;
  options.train_size = full ? 2400 : 168, options.test_size = full ? 600 : 60;
  if (full) options.speech.cache = std::filesystem::temp_directory_path() / "alloy-example-18";
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

/// For each sample another one at random, of another label.
Tensor other_labels(const Tensor& labels) {
  check<DataError>(labels.min().item<int64_t>() < labels.max().item<int64_t>(), "[example] expected several labels to report on, got one");
  Random random(1);
  std::vector<int64_t> other;
  for (int64_t i = 0; i < labels.size(0); ++i) {
    int64_t j = random.below(labels.size(0));
    while (labels[j].item<int64_t>() == labels[i].item<int64_t>()) j = random.below(labels.size(0));
    other.push_back(j);
  }
  return at::tensor(other, at::kLong);
}

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
  // Every voice with its own text, and with one of another label: which is which, by the distance alone?
  const Tensor own = 1 - (voices * texts).sum(1), other = 1 - (voices * texts.index_select(0, other_labels(found.target))).sum(1);
  out.disagreement = bootstrap(voices.size(0), [&](const Tensor& index) {
    const Tensor a = own.index_select(0, index), b = other.index_select(0, index);
    return auroc(at::cat({a, b}), at::cat({at::zeros_like(a), at::ones_like(b)}).to(at::kBool));
  });
  std::printf("%s\n", to_text(alignment_uniformity(voices, texts), "voices", "texts").c_str());
  return out;
}

void print(const char* what, const Score& melody, const Score& baseline) {
  std::printf("%-34s %.2f (%.2f .. %.2f)   %.2f (%.2f .. %.2f)\n", what, melody.value, melody.low, melody.high, baseline.value, baseline.low,
              baseline.high);
}

Score mean_of(const Tensor& x) {
  return bootstrap(x.size(0), [&](const Tensor& index) { return x.index_select(0, index).mean().item<double>(); });
}

int run(int argc, char** argv) {
  const ThreadScope one_thread(1);
  const bool full = argc > 1 && std::strcmp(argv[1], "--full") == 0, csv = argc > 2 && std::strcmp(argv[1], "--csv") == 0;
  const Task task = csv ? recorded(argv[2]) : synthesised(full);
  const VoiceReviewFeatures train = voice_review_features(task.train, task.voices, kBuckets),
                            test = voice_review_features(task.test, task.voices, kBuckets, &train);

  const int64_t epochs = full ? 16 : 24;
  seed_everything(1);
  std::printf("%lld pairs to learn from, %lld of other voices to report on\n\nmelody:\n", static_cast<long long>(task.train.size()),
              static_cast<long long>(task.test.size()));
  const Found melody = learn(task, DilatedConvEncoder({.channels = 4, .dim = 32, .layers = 5}), train.by_melody(), test.by_melody(), epochs);
  seed_everything(1);
  std::printf("mean pitch and rate:\n");
  const Found baseline = learn(task, TableEncoder({.numbers = 2, .dim = 32}), train.by_pitch_and_rate(), test.by_pitch_and_rate(), epochs);

  std::printf("%-34s %-21s %s\n", "", "melody", "mean pitch and rate");
  print("voice to text, R@1", melody.voice_to_text, baseline.voice_to_text);
  print("text to voice, R@1", melody.text_to_voice, baseline.text_to_voice);
  print("label of a voice by its texts", mean_of(melody.right), mean_of(baseline.right));
  print("voice and words disagree, AUROC", melody.disagreement, baseline.disagreement);
  const Score gain = mean_of(melody.right - baseline.right);
  std::printf("by chance: 1 of %lld labels, AUROC 0.50; labels gained: %+.0f points (%+.0f .. %+.0f)\n",
              static_cast<long long>(std::ssize(task.voices.shared)), 100 * gain.value, 100 * gain.low, 100 * gain.high);
  std::printf("the baseline is %sbeaten by 10 points\n", gain.low > 0.10 ? "" : "not clearly ");
  if (csv) {
    std::printf("ran as expected; how good is good enough on recordings of your own is yours to say\n");
    return 0;
  }
  const bool expected = gain.value > 0.10 && (!full || gain.low > 0.10) && melody.disagreement.low > (full ? 0.85 : 0.6);
  std::printf("%s\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {  // a table or recording that cannot be used
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
