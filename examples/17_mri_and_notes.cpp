// SPDX-License-Identifier: Apache-2.0
/// Notes about slices of a brain: a model learns to point at what a phrase names, and to tell a note from the same words with left and right
/// swapped or with the negation moved. Where a lesion is, it is told for a part of the slices; for all others it has the note alone.
/// The slices are one template (one subject), warped; lesions and notes are simulated. This is no medical device.
///
///     example_17_mri_and_notes                            few coarse slices, seconds: pointing is learnt, negation hardly
///     example_17_mri_and_notes --full --report page.html  minutes: see docs/alignment.md

#include "example_arguments.hpp"

#include <alloy/alloy.hpp>

using namespace alloy;

namespace {

/// The full form.
struct Form {
  BrainCaseOptions slices = {};
  std::vector<int64_t> widths = {24, 48};
  int64_t dim = 64, train = 3000, marked = 300, test = 400, batch = 48, epochs = 8, bag_epochs = 8;
  double learning_rate = 2e-3;
  double pointing = 0.8, lead = 0.25;               // floors of pointing, and of how far it is above the best baseline
  double told_apart = 0.9;                          // of sides and negations
  double new_pointing = 0.7, new_told_apart = 0.8;  // the same where side and region were never seen together
  double lift = 4;                                  // of R@10 as a multiple of chance
};
Form quick_form() {
  Form f{.slices = {.pixels = 48, .pixel_mm = 4.33}, .widths = {16, 32}};
  f.dim = 32, f.train = f.marked = 600, f.test = 80, f.batch = 24, f.epochs = 4, f.bag_epochs = 1, f.learning_rate = 4e-3;
  f.pointing = 0.5, f.lead = 0.15, f.told_apart = 0.6, f.new_pointing = 0.35, f.new_told_apart = 0, f.lift = 1.2;
  return f;
}

/// In training neither a lesion nor a word is about these.
const std::vector<int64_t> kHeldOut{place_index({BrainRegion::parietal, BodySide::left}), place_index({BrainRegion::temporal, BodySide::right})};

PhraseBatch phrases_of(const std::vector<BrainNote>& notes) { return make_phrase_batch(note_word_ids(notes)); }
int64_t grid_side(const Tensor& cells) { return std::llround(std::sqrt(static_cast<double>(cells.size(1)))); }

PhraseGrid train(const BrainCorpus& corpus, const Form& form) {
  PhraseGrid model({.widths = form.widths, .vocab_size = static_cast<int64_t>(brain_words().size()) + 1, .dim = form.dim});
  Optimizer optimizer(*model, {.weight_decay = 0.05});
  Random random(5);
  const int64_t batches = form.train / form.batch, steps = form.epochs * batches;
  std::vector<int64_t> order;
  for (int64_t step = 0; step < steps; ++step) {
    if (step % batches == 0) order = random.permutation(form.train);
    const auto first = order.begin() + step % batches * form.batch;
    const std::vector<int64_t> index(first, first + form.batch);
    // [step]
    const auto notes = notes_of(corpus, index), swapped = with_sides_swapped(notes), moved = with_negation_moved(notes, random);
    Tensor known = torch::ones({form.batch}, torch::kBool);  // swapped notes that speak of nothing held out
    for (int64_t i = 0; i < form.batch; ++i) known[i] = !mentions_place(swapped[static_cast<size_t>(i)], kHeldOut);

    const Tensor cells = model->embed_cells(corpus.images.index_select(0, torch::tensor(index)));  // [B, G, D]
    Tensor loss =
        phrase_contrast(model, phrases_of(notes), cells, {phrases_of(swapped), phrases_of(moved)}, {known, Tensor()}, notes_hold(corpus, index));
    const LesionPhrases about = lesion_phrases(corpus, index);
    const Tensor told =
        torch::tensor(index).index_select(0, about.owner).lt(form.marked).nonzero().squeeze(1);  // of these phrases the place is known
    if (told.numel() > 0) {
      const Tensor vectors = model->embed_phrases(phrases_of({about.phrases}).words).vectors.index_select(0, told);
      const Tensor right = touched_cells(about.masks.index_select(0, told), grid_side(cells), grid_side(cells));
      loss = loss + cell_contrast(model, vectors, cells.index_select(0, about.owner.index_select(0, told)), right);
    }
    // [step]
    optimizer.zero_grad();
    loss.backward();
    optimizer.scale_gradients(1 / std::max(optimizer.gradient_norm(), 1.0));
    optimizer.step(learning_rate_at(step, steps, form.learning_rate, {.warmup = 20}));
    if ((step + 1) % 50 == 0)
      std::printf("step %lld of %lld, loss %.2f\n", static_cast<long long>(step + 1), static_cast<long long>(steps), loss.item<double>());
  }
  model->eval();
  return model;
}

/// Beside it: the whole note as a bag of words and the whole slice as a vector, by contrast.
JointEmbedding train_on_bags(const BrainCorpus& corpus, const Form& form) {
  JointEmbedding joint({.dim = 64});
  joint->add("slice", ResidualImageEncoder({.channels = 1, .dim = 64, .image_size = form.slices.pixels, .widths = form.widths, .stem_stride = 2}));
  joint->add("note", HashedTextEncoder({.buckets = 64, .dim = 64, .embedding_dim = 64, .hidden_dim = 64}));
  Loader loader(bag_of_words_dataset(corpus, notes_of(corpus, all_indices(corpus))), {.batch_size = form.batch});
  ContrastiveTrainer(joint, {.learning_rate = 2e-3, .epochs = form.bag_epochs, .schedule = {.warmup = 20}}).fit(loader);
  return joint;
}

int point_and_tell(const example::Arguments& arguments) {
  const Form form = arguments.has("--full") ? Form() : quick_form();
  const ThreadScope one_thread(1);
  seed_everything(1);
  std::puts("Lesions and notes are simulated on slices of one template, warped: one subject. This is no medical device.");
  // [slices]
  const BrainVolumes volumes = read_brain_template();
  BrainCaseOptions known = form.slices, held_out = form.slices;
  known.excluded_places = held_out.required_places = kHeldOut;
  const BrainCorpus corpus = make_brain_corpus(BrainCaseMaker(volumes, known), form.train, /*seed=*/1);
  const BrainCorpus test = make_brain_corpus(BrainCaseMaker(volumes, known), form.test, /*seed=*/2),
                    unseen = make_brain_corpus(BrainCaseMaker(volumes, held_out), form.test, /*seed=*/3);
  // [slices]
  std::printf("%lld slices to learn from (in %lld of them lesions are marked), for example: %s\n", static_cast<long long>(form.train),
              static_cast<long long>(form.marked), note_text(corpus.cases[0].note).c_str());
  PhraseGrid model = train(corpus, form);

  const Tensor prior = lesion_prior(corpus, grid_side(embed_all_cells(model, test.images.slice(0, 0, 1))));
  const BrainAnswers a = brain_answers(model, test, prior), u = brain_answers(model, unseen, prior);
  const JointEmbedding joint = train_on_bags(corpus, form);
  const BagAnswers bag = bag_answers(joint, test), bag_known = bag_answers(joint, corpus);
  const auto percent = [](double value) { return html::percent(value) + " %"; };
  const auto without = [&](const BrainAnswers& x) {
    return "where lesions of the place were " + percent(x.prior.value) + ", a cell of the place " + percent(x.atlas.value) + ", a cell of the head " +
           percent(x.chance.value);
  };
  constexpr auto kPart = ScoreRow::Level::part;
  std::vector<ScoreRow> rows{
      {"points at the lesion that a phrase names", a.pointing,
       without(a) + "; told another phrase " + percent(a.other_phrase.value) + ", not told the kind " + percent(a.without_kind.value)},
      {"where two lesions share the place", a.shared, "only the kind tells them apart", kPart},
      {"tells left and right swapped", a.sides, "bag of words " + percent(bag.sides.value)},
      {"tells affirmed and negated", a.negation, "bag of words " + percent(bag.negation.value)},
      {"points, places and sides never seen together", u.pointing, without(u)},
      {"tells left and right swapped", u.sides, "chance 50.0 %", kPart},
      {"tells affirmed and negated", u.negation, "chance 50.0 %", kPart}};
  // Notes of few phrases, or of denials alone, suit many slices: what counts is how much better a slice suits than those of the training do.
  const auto beyond_usual = [](const Tensor& scores, const Tensor& usual) {  // [notes, slices] both
    return (scores - usual.mean(1, /*keepdim=*/true)) / usual.std(1, /*unbiased=*/true, /*keepdim=*/true).clamp_min(1e-6);
  };
  constexpr int64_t kUsual = 400;
  const auto notes = note_word_ids(notes_of(test, all_indices(test)));
  const Tensor known_cells = embed_all_cells(model, corpus.images.slice(0, 0, kUsual)),
               scores = beyond_usual(all_text_scores(model, notes, a.cells), all_text_scores(model, notes, known_cells)),
               bag_scores = beyond_usual(bag.notes.mm(bag.slices.t()), bag.notes.mm(bag_known.slices.slice(0, 0, kUsual).t()));
  const Tensor ids = finding_ids(test.cases);
  const RetrievalOptions same{.query_ids = ids, .item_ids = ids};
  double lift = 1e9;
  for (const bool to_slice : {true, false}) {
    const RetrievalScores found = retrieval_scores(to_slice ? scores : scores.t().contiguous(), same),
                          bags = retrieval_scores(to_slice ? bag_scores : bag_scores.t().contiguous(), same);
    for (const char* name : {"R@1", "R@10"})
      rows.push_back({std::string(to_slice ? "note to slice, " : "slice to note, ") + name + " of " + std::to_string(form.test), found.at(name).score,
                      "bag of words " + percent_text(bags.at(name).score) + ", chance " + percent(found.at(name).chance)});
    lift = std::min(lift, found.at("R@10").score.value / found.at("R@10").chance);
  }
  for (const ScoreRow& row : rows) std::printf("%s\n", to_text(row).c_str());
  if (arguments.has("--report")) write_file(arguments.value("--report"), brain_report(rows, test, a));

  const double best = std::max({a.prior.value, a.atlas.value, a.other_phrase.value}), best_unseen = std::max(u.prior.value, u.atlas.value);
  const bool bag_is_blind = std::abs(bag.sides.value - 0.5) + std::abs(bag.negation.value - 0.5) < 1e-3;
  const bool expected = a.pointing.value >= form.pointing && a.pointing.value >= best + form.lead && a.shared.value >= a.without_kind.value &&
                        a.sides.value >= form.told_apart && a.negation.value >= form.told_apart && bag_is_blind &&
                        u.pointing.value >= form.new_pointing && u.pointing.value >= best_unseen + form.lead &&
                        std::min(u.sides.value, u.negation.value) >= form.new_told_apart && lift >= form.lift;
  std::printf("%s: phrases are pointed at their lesions, sides and negations are told apart%s\n", expected ? "as expected" : "NOT what was expected",
              arguments.has("--full") ? ", also where side and region were never seen together" : " (the small form: negation hardly)");
  return expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Phrases of notes and places in slices of a brain: without --full few and coarse slices, seconds.",
                      {example::full_flag("3,000 slices, four minutes"), example::report_flag()}, point_and_tell);
}
