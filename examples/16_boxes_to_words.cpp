// SPDX-License-Identifier: Apache-2.0
/// Boxes to words: "the red boot left of two bags" is found among candidate boxes in a scene that was never seen, by contrast of words
/// and regions. Scenes are composed of real pictures (Fashion-MNIST, tinted and laid over each other), in training of its training
/// pictures, in the test of its test pictures. Every caption has a distractor of the same category; most have one of the same colour.
///
///     example_16_boxes_to_words                            seconds: five kinds of things, small scenes, few steps
///     example_16_boxes_to_words --full --report page.html  minutes: see docs/alignment.md

#include "example_arguments.hpp"

#include <alloy/alignment/grounding.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/data/scene_batch.hpp>
#include <alloy/eval/grounding_metrics.hpp>
#include <alloy/eval/scene_picture.hpp>
#include <alloy/models/word_grounder.hpp>
#include <alloy/train/optimizer.hpp>
#include <alloy/train/schedule.hpp>

#include <torch/utils.h>

#include <limits>

using namespace alloy;

namespace {

struct Form {
  PictureSceneOptions scenes;
  WordGrounderOptions model;
  int64_t steps = 0, batch = 0, test_scenes = 0;
  double learning_rate = 0, least = 0, above = 0;  // floors: pointing accuracy, and how far above the best baseline
};

Form make_form(bool full) {
  Form f{.scenes = {.side = 64, .fewest = 4, .most = 6, .smallest = 16, .largest = 24},
         .model = {.dim = 192},
         .steps = 6000,
         .batch = 16,
         .test_scenes = 2000};
  f.scenes.categories = {0, 1, 3, 7, 8, 9}, f.scenes.colors = 4;
  f.learning_rate = 3e-3, f.least = 0.85, f.above = 0.25;
  int64_t dim = 96;
  if (!full) {
    f.scenes.side = 48, f.scenes.smallest = 12, f.scenes.largest = 18, f.scenes.most = 5, f.scenes.categories = {1, 3, 7, 8, 9}, f.scenes.colors = 3;
    f.model.dim = dim = 64, f.steps = 160, f.test_scenes = 250, f.learning_rate = 4e-3, f.least = 0.6, f.above = 0.05;
  }
  f.model.regions = {.widths = {16, 32}, .bins = 5, .dim = dim};
  f.model.text = {.vocab_size = 64, .dim = dim, .heads = 4, .layers = 2, .max_length = 16};
  return f;
}

GroundingInput input_of(const SceneBatch& b) { return {b.pictures, b.boxes, b.region_mask, b.scene_of, b.words, b.word_mask, b.speaks, b.phrase}; }

// [train]
/// Scenes are made as they are needed, four captions each: none is seen twice.
WordGrounder train(const ScenePictures& pictures, Form form, CaptionPart part) {
  seed_everything(1);
  WordGrounder model(form.model);
  Optimizer optimizer(*model, {.weight_decay = 0.05});
  Random random(1);
  form.scenes.queries = 4;
  for (int64_t step = 0; step < form.steps; ++step) {
    const SceneBatch batch = collate_scenes(make_scenes(pictures, form.scenes, {}, form.batch, random), 0, form.batch, part);
    optimizer.zero_grad();
    const Tensor loss = model->loss(input_of(batch), batch.meant);
    loss.backward();
    optimizer.step(learning_rate_at(step, form.steps, form.learning_rate, {.warmup = form.steps / 20}));
    model->scale()->clamp();
    if ((step + 1) % 500 == 0)
      std::fprintf(stderr, "step %lld of %lld, loss %.2f\n", static_cast<long long>(step + 1), static_cast<long long>(form.steps),
                   loss.item<double>());
  }
  model->eval();
  return model;
}
// [train]

struct Answers {
  Tensor boxes, truth;                     ///< [N, 4]: where phrases were found, and where they are
  std::vector<html::BoxPicture> pictures;  ///< of the first scenes, with what was found for each word
  double chance = 0;                       ///< of a candidate at random
};

Answers answer(WordGrounder model, const SceneSet& test, CaptionPart part) {
  constexpr int64_t kChunk = 100, kDrawn = 200;
  const torch::NoGradGuard no_grad;
  Answers out;
  std::vector<Tensor> boxes, truth;
  for (int64_t first = 0; first < test.size(); first += kChunk) {
    const SceneBatch batch = collate_scenes(test, first, kChunk, part);
    const Grounding found = model(input_of(batch));
    boxes.push_back(found.phrase_boxes);
    truth.push_back(batch.truth);
    const Tensor hits = pointing_hits(found.phrase_boxes, batch.truth).squeeze(1),
                 any = pointing_hits(batch.boxes, batch.truth).logical_and(batch.region_mask);
    out.chance += (any.sum(1) / batch.region_mask.sum(1)).sum().item<double>() / static_cast<double>(test.size());
    for (int64_t i = 0; part == CaptionPart::whole && i < hits.size(0) && first + i < kDrawn; ++i) {
      const auto at = static_cast<size_t>(first + i);
      const auto mark = hits[i].item<bool>() ? html::Mark::right : html::Mark::wrong;
      out.pictures.push_back(
          html::scene_picture(test.scenes[at], 0, {test.regions[at], found.word_regions[i], found.phrase_regions[i].item<int64_t>(), mark}));
    }
  }
  out.boxes = torch::cat(boxes), out.truth = torch::cat(truth);
  return out;
}

int point(const example::Arguments& arguments) {
  const bool full = arguments.has("--full");
  const ThreadScope one_thread(1);
  const Form form = make_form(full);
  const ScenePictures pictures = load_scene_pictures(SceneSplit::train);
  Random random(2);
  const SceneSet test = make_scenes(load_scene_pictures(SceneSplit::test), form.scenes, {}, form.test_scenes, random);

  std::vector<html::Bar> bars;
  const auto say = [&](const std::string& name, const Score& score, const char* group) {
    std::printf("%-24s %5.1f %%", name.c_str(), 100 * score.value);
    std::printf(score.low < score.high ? "  (%.1f .. %.1f)\n" : "\n", 100 * score.low, 100 * score.high);
    bars.push_back({.label = name, .group = group, .css = group[0] == 'm' ? "c1" : "c0", .score = score});
    return score.value;
  };
  const auto exactly = [](double value) { return Score{value, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()}; };
  const auto trained = [&](const Form& f, CaptionPart part) { return answer(train(pictures, f, part), test, part); };

  const Answers ours = trained(form, CaptionPart::whole);
  const double pointing = say("words and regions", pointing_accuracy(ours.boxes, ours.truth), "model");
  const double recall = say("its recall at IoU 0.5", recall_at_iou(ours.boxes, ours.truth), "model");
  // At best: with category, with colour too, or by the farthest thing in the direction named, all of them recognised without error.
  std::vector<double> baselines = {say("a random candidate", exactly(ours.chance), "baselines"),
                                   say("category, at best", exactly(guess_accuracy(test.scenes, SceneGuess::category)), "baselines"),
                                   say("and colour, at best", exactly(guess_accuracy(test.scenes, SceneGuess::category_and_color)), "baselines"),
                                   say("farthest, at best", exactly(guess_accuracy(test.scenes, SceneGuess::farthest)), "baselines")};
  if (full) {
    Form shorter = form;  // neither of the two below gets better with time: category and colour are all that they see
    shorter.steps = form.steps / 4;
    Form blind = shorter;
    blind.model.regions.relation_layers = 0;
    blind.model.regions.places = false;
    blind.model.regions.view = RegionView::box;  // a map of the whole picture tells what is around a box
    const Answers heads = trained(shorter, CaptionPart::without_relation), alone = trained(blind, CaptionPart::whole);
    baselines.push_back(say("relation words removed", pointing_accuracy(heads.boxes, heads.truth), "baselines"));
    baselines.push_back(say("regions see themselves", pointing_accuracy(alone.boxes, alone.truth), "baselines"));
  }
  const double best = *std::ranges::max_element(baselines);
  std::printf("pointing accuracy on %lld unseen scenes of unseen pictures, %.1f points above the best baseline\n",
              static_cast<long long>(form.test_scenes), 100 * (pointing - best));
  if (arguments.has("--report")) write_file(arguments.value("--report"), html::pointing_report(bars, ours.pictures));
  const bool expected = pointing >= form.least && pointing >= best + form.above && recall > 0.9 * pointing;
  std::printf("%s: relations tell apart what looks alike\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Captions and boxes in composed scenes: without --full small scenes and few steps, seconds.",
                      {example::full_flag("the task of docs/alignment.md, minutes"), example::report_flag()}, point);
}
