// SPDX-License-Identifier: Apache-2.0
/// Notes about slices of a brain: a model learns from slices and their notes alone, never told where, to point at what a phrase names,
/// and to tell a note from one with left and right swapped or with its negation moved.
/// The slices are one template (one subject), warped; lesions and notes are simulated. This is no medical device.

#include <alloy/alloy.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace alloy;

namespace {

struct Corpus {
  std::vector<BrainCase> cases;
  Tensor images;
};
Corpus make_corpus(const BrainVolumes& volumes, const BrainCaseOptions& options, int64_t count, uint64_t seed) {
  const BrainCaseMaker maker(volumes, options);
  Corpus corpus;
  std::vector<Tensor> images;
  for (int64_t i = 0; i < count; ++i) {
    corpus.cases.push_back(maker.make(mix_seed({seed, static_cast<uint64_t>(i)})));
    images.push_back(corpus.cases.back().image);
  }
  corpus.images = torch::stack(images);
  return corpus;
}

PhraseBatch phrases_of(const std::vector<BrainNote>& notes) {
  std::vector<std::vector<std::vector<int64_t>>> texts;
  for (const BrainNote& note : notes) {
    texts.emplace_back();
    for (const BrainPhrase& phrase : note) texts.back().push_back(brain_word_ids(phrase_text(phrase)));
  }
  return make_phrase_batch(texts);
}

bool mentions(const BrainNote& note, const std::vector<int64_t>& places) {
  for (const BrainPhrase& phrase : note)
    for (const int64_t place : places)
      if (place_index(phrase.place) == place) return true;
  return false;
}

double env(const char* name, double otherwise) { return std::getenv(name) ? std::atof(std::getenv(name)) : otherwise; }

void evaluate(PhraseGrid model, const Corpus& corpus, const char* name) {
  torch::NoGradGuard guard;
  model->eval();
  Random random(77);
  std::vector<Tensor> cell_parts;
  for (int64_t i = 0; i < corpus.images.size(0); i += 64) cell_parts.push_back(model->embed_cells(corpus.images.slice(0, i, i + 64)));
  const Tensor cells = torch::cat(cell_parts);
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(cells.size(1))));
  std::vector<BrainNote> notes, swapped, moved, single;
  std::vector<int64_t> owner, twin;
  std::vector<Tensor> targets, region;
  for (size_t i = 0; i < corpus.cases.size(); ++i) {
    const BrainCase& c = corpus.cases[i];
    notes.push_back(c.note);
    swapped.push_back(with_sides_swapped(c.note));
    moved.push_back(with_negation_moved(c.note, random));
    for (const BrainPhrase& phrase : c.note)
      if (phrase.lesion >= 0) {
        single.push_back({phrase});
        owner.push_back(static_cast<int64_t>(i));
        targets.push_back(touched_cells(c.lesions[static_cast<size_t>(phrase.lesion)].mask, side, side));
        region.push_back(touched_cells(c.places.eq(1 + place_index(phrase.place)), side, side));
        int64_t same = 0;
        for (const BrainLesion& l : c.lesions) same += l.place == phrase.place;
        twin.push_back(same > 1);
      }
  }
  const auto truth = model->own_text_scores(phrases_of(notes), cells), lies = model->own_text_scores(phrases_of(swapped), cells), moves = model->own_text_scores(phrases_of(moved), cells);
  const auto vectors = model->embed_phrases(phrases_of(single).words).vectors;
  const auto maps = torch::bmm(cells.index_select(0, torch::tensor(owner)), vectors.unsqueeze(2)).squeeze(2);
  const auto best = maps.argmax(1, true);
  const Tensor hits = torch::stack(targets).gather(1, best).squeeze(1).to(torch::kFloat), in_region = torch::stack(region).gather(1, best).squeeze(1).to(torch::kFloat);
  const Tensor twins = torch::tensor(twin).to(torch::kBool);
  std::printf("  %s: pointing %.3f (two in one place %.3f of %lld), in place %.3f, touch share %.3f, sides %.3f, negation %.3f\n", name, hits.mean().item<double>(), hits.masked_select(twins).mean().item<double>(),
              static_cast<long long>(twins.sum().item<int64_t>()), in_region.mean().item<double>(), torch::stack(targets).to(torch::kFloat).mean().item<double>(), truth.gt(lies).to(torch::kFloat).mean().item<double>(),
              truth.gt(moves).to(torch::kFloat).mean().item<double>());
}

}  // namespace

int main() {
  const ThreadScope one_thread(1);
  seed_everything(1);
  const BrainVolumes volumes = read_brain_template();
  std::puts("read");
  BrainCaseOptions options{.pixels = static_cast<int64_t>(env("PIX", 64)), .pixel_mm = env("PIXMM", 3.25)};
  options.excluded_places = {place_index({BrainRegion::parietal, BodySide::left}), place_index({BrainRegion::temporal, BodySide::right})};
  const std::vector<int64_t> held = options.excluded_places;
  const Corpus train = make_corpus(volumes, options, static_cast<int64_t>(env("N", 3000)), 1);
  std::puts("made");
  const Corpus test = make_corpus(volumes, options, 300, 2);
  BrainCaseOptions other = options;
  other.excluded_places = {};
  other.required_places = held;
  const Corpus held_out = make_corpus(volumes, other, 200, 3);
  for (int i = 0; i < 8; ++i) std::printf("%s\n", note_text(test.cases[static_cast<size_t>(i)].note).c_str());
  {
    std::vector<Tensor> rows;
    for (int r = 0; r < 4; ++r) rows.push_back(torch::cat(torch::unbind(test.images.slice(0, 6 * r, 6 * r + 6).squeeze(1)), 1));
    const Tensor sheet = torch::nn::functional::interpolate((torch::cat(rows, 0) * 200).clamp(0, 255).unsqueeze(0).unsqueeze(0), torch::nn::functional::InterpolateFuncOptions().scale_factor(std::vector<double>{3.0, 3.0}).mode(torch::kNearest)).squeeze().to(torch::kByte).contiguous();
    Image picture{.width = sheet.size(1), .height = sheet.size(0), .channels = 1, .pixels = std::vector<uint8_t>(sheet.const_data_ptr<uint8_t>(), sheet.const_data_ptr<uint8_t>() + sheet.numel())};
    write_file("/tmp/mri_sheet.png", encode_png(picture));
  }
  const auto width = static_cast<int64_t>(env("W", 24));
  PhraseGrid model({.widths = {width, 2 * width}, .stem_stride = static_cast<int64_t>(env("STEM", 2)), .vocab_size = static_cast<int64_t>(brain_words().size()) + 1, .dim = static_cast<int64_t>(env("D", 64)), .sharpness = env("SHARP", 20)});
  Optimizer optimizer(*model, {.weight_decay = env("WD", 0.05)});
  const auto batch = static_cast<int64_t>(env("B", 48)), epochs = static_cast<int64_t>(env("E", 8));
  const int64_t per_epoch = train.images.size(0) / batch, steps = epochs * per_epoch;
  int64_t step = 0;
  Random random(5);
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    model->train();
    const auto order = random.permutation(train.images.size(0));
    double sum = 0;
    for (int64_t b = 0; b < per_epoch; ++b, ++step) {
      const std::vector<int64_t> index(order.begin() + b * batch, order.begin() + (b + 1) * batch);
      std::vector<BrainNote> notes, swapped, moved;
      std::vector<uint8_t> usable;
      for (const int64_t i : index) {
        const BrainNote& note = train.cases[static_cast<size_t>(i)].note;
        notes.push_back(note);
        swapped.push_back(with_sides_swapped(note));
        usable.push_back(!mentions(swapped.back(), held));
        if (!usable.back()) swapped.back() = note;
        moved.push_back(with_negation_moved(note, random));
      }
      std::vector<uint8_t> holds;
      for (const BrainNote& note : notes)
        for (const int64_t j : index) holds.push_back(note_holds(note, train.cases[static_cast<size_t>(j)].lesions));
      const Tensor cells = model->embed_cells(train.images.index_select(0, torch::tensor(index)));
      const Tensor also = torch::tensor(holds).view({batch, batch}).to(torch::kBool);
      const Tensor loss = phrase_contrast(model, phrases_of(notes), cells, {phrases_of(swapped), phrases_of(moved)}, {torch::tensor(usable).to(torch::kBool), Tensor()}, also);
      optimizer.zero_grad();
      loss.backward();
      const double norm = optimizer.gradient_norm();
      if (norm > 1) optimizer.scale_gradients(1 / norm);
      optimizer.step(learning_rate_at(step, steps, env("LR", 2e-3), {.warmup = 20}));
      sum += loss.item<double>();
    }
    std::printf("epoch %lld loss %.4f\n", static_cast<long long>(epoch), sum / static_cast<double>(per_epoch));
    evaluate(model, test, "test");
    evaluate(model, held_out, "held out");
    std::fflush(stdout);
  }
  return 0;
}
