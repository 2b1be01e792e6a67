// SPDX-License-Identifier: Apache-2.0
// How well each modality of the catalogue does alone, against its noise: where the default levels come from. Sizes, steps
// and encoders are those of `alloy demo`.
//   catalogue_noise <cache folder> [image|audio|text [seeds]]
#include <alloy/alloy.hpp>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numbers>
#include <numeric>

using namespace alloy;

namespace {

constexpr int64_t kTrain = 6000, kEpochs = 5, kBatch = 64;
constexpr double kRate = 2e-3;

struct Level {
  std::string text;
  CatalogueNoise noise;
};

double seconds_since(std::chrono::steady_clock::time_point start) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

Handle<Encoder> make_encoder(const std::string& modality) {
  if (modality == "image") return ConvImageEncoder({.channels = 1, .dim = 64, .stages = {16, 32, 64}});
  if (modality == "audio") return SpectrogramEncoder({.mel_bins = Catalogue::kMelBins, .dim = 64, .stages = {16, 32, 64}});
  return TextEncoder({.vocab_size = ByteTokenizer::vocab_size(), .dim = 64, .heads = 4, .layers = 2, .max_length = Catalogue::kMaxTagTokens});
}

struct Model {
  Handle<Encoder> encoder;
  Linear head;
};

/// Trains an encoder and a linear head on one modality, and returns its share of the test set right, in per cent.
double train_alone(Model& model, const std::string& modality, std::shared_ptr<const Catalogue> train, std::shared_ptr<const Catalogue> test, int64_t seed) {
  auto& [encoder, head] = model;
  std::vector<Tensor> parameters = encoder->parameters();
  for (const Tensor& p : head->parameters()) parameters.push_back(p);
  torch::optim::AdamW optimizer(parameters, torch::optim::AdamWOptions(kRate).weight_decay(0.01));
  const auto logits = [&](const LabelledBatch& batch) { return head->forward(encoder->forward(batch.inputs.at(modality)).pooled); };

  Loader loader(train, {.batch_size = kBatch, .seed = seed});
  const int64_t steps = kEpochs * loader.num_batches(), warm_up = steps / 20;
  LabelledBatch batch;
  for (int64_t epoch = 0, step = 0; epoch < kEpochs; ++epoch) {
    loader.start(epoch);
    for (; loader.next(batch); ++step) {
      const double done = static_cast<double>(step) / static_cast<double>(steps);
      const double factor = step < warm_up ? static_cast<double>(step + 1) / static_cast<double>(warm_up) : 0.5 * (1 + std::cos(std::numbers::pi * done));
      static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[0].options()).lr(kRate * factor);
      optimizer.zero_grad();
      torch::nn::functional::cross_entropy(logits(batch), batch.target).backward();
      optimizer.step();
    }
  }

  double right = 0;
  const torch::NoGradGuard no_grad;
  encoder->eval();
  Loader reader(test, {.batch_size = 256, .shuffle = false});
  while (reader.next(batch)) right += logits(batch).argmax(1).eq(batch.target).sum().item<double>();
  return 100 * right / static_cast<double>(test->size());
}

std::vector<Level> levels_of(const std::string& modality) {
  std::vector<Level> levels;
  char text[80];
  const CatalogueNoise defaults;
  const auto add = [&](CatalogueNoise noise) { levels.push_back({text, noise}); };
  if (modality == "image")
    for (const double erase : {0.0, defaults.image_erase, 0.25})
      for (const double sigma : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0}) {
        std::snprintf(text, sizeof text, "sigma %.1f, %.0f %% erased", sigma, 100 * erase);
        add({.image_sigma = sigma, .image_erase = erase});
      }
  if (modality == "audio")
    for (const double snr : {30.0, 0.0, -6.0, -9.0, -12.0, -15.0, -18.0}) {
      std::snprintf(text, sizeof text, "SNR %.0f dB", snr);
      add({.speech_snr_db = snr});
    }
  if (modality == "text")
    for (const double shorten : {0.0, 40.0, defaults.tag.shorten_percent})
      for (const double errors : {0.0, 10.0, 20.0, 30.0, 45.0, 60.0}) {
        const double empty = shorten > 0 ? defaults.tag.empty_percent : 0.0;
        std::snprintf(text, sizeof text, "%.0f %% wrong keys, %.0f %% shortened, %.0f %% empty", errors, shorten, empty);
        add({.tag = {.typing_error_percent = errors, .shorten_percent = shorten, .empty_percent = empty}});
      }
  return levels;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    CatalogueOptions options{.train_size = kTrain, .cache = argc > 1 ? argv[1] : ""};
    const std::vector<std::string> modalities = argc > 2 ? std::vector<std::string>{argv[2]} : std::vector<std::string>{"image", "audio", "text"};
    const int64_t seeds = argc > 3 ? std::stoll(argv[3]) : 1;
    const auto start = std::chrono::steady_clock::now();
    const auto source = load_catalogue_source(options);
    const ThreadScope one_a_model(1);
    for (const std::string& modality : modalities) {
      const std::vector<Level> levels = levels_of(modality);
      std::vector<Model> models;
      std::vector<double> accuracy(levels.size() * static_cast<size_t>(seeds));
      for (size_t i = 0; i < accuracy.size(); ++i) {  // one after another: weights come from one generator
        seed_everything(i % static_cast<size_t>(seeds));
        models.push_back({make_encoder(modality), Linear({.in_dim = 64, .out_dim = kCatalogueClasses})});
      }
      run_jobs(std::ssize(accuracy), num_cores(), [&](int64_t i) {
        CatalogueOptions o = options;
        o.noise = levels[static_cast<size_t>(i / seeds)].noise;
        o.seed = i % seeds;
        accuracy[static_cast<size_t>(i)] = train_alone(models[static_cast<size_t>(i)], modality, std::make_shared<const Catalogue>(o, CatalogueSplit::train, source),
                                                       std::make_shared<const Catalogue>(o, CatalogueSplit::test, source), o.seed);
      });
      std::printf("\n| %s | test accuracy, %%, mean of %lld seeds | lowest | highest |\n|---|---|---|---|\n", modality.c_str(), static_cast<long long>(seeds));
      for (size_t l = 0; l < levels.size(); ++l) {
        const std::vector<double> of(accuracy.begin() + static_cast<std::ptrdiff_t>(l) * seeds, accuracy.begin() + static_cast<std::ptrdiff_t>(l + 1) * seeds);
        std::printf("| %s | %.1f | %.1f | %.1f |\n", levels[l].text.c_str(), std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(seeds), std::ranges::min(of),
                    std::ranges::max(of));
      }
      std::fflush(stdout);
    }
    std::printf("\n%.0f s\n", seconds_since(start));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", full_message(error).c_str());
    return 1;
  }
}
