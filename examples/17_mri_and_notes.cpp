// SPDX-License-Identifier: Apache-2.0
/// Notes about slices of a brain: a model learns to point at what a phrase names, and to tell a note from the same words with left and right
/// swapped or with the negation moved. Where a lesion is, it is told for a part of the slices; for all others it has the note alone.
/// The slices are one template (one subject), warped; lesions and notes are simulated. This is no medical device.
///
///     example_17_mri_and_notes [--full] [--report FILE.html]

#include <alloy/alloy.hpp>

#include <cstdio>
#include <cstring>

using namespace alloy;

namespace {

struct Form {
  BrainCaseOptions slices;
  std::vector<int64_t> widths;
  int64_t dim, train, marked, test, batch, epochs, bag_epochs;
  double learning_rate;
  // Floors.
  double pointing, lead;                // lead: over the best baseline
  double told_apart;                    // sides, negations
  double new_pointing, new_told_apart;  // where side and region were never seen together
  double lift;                          // R@10 as a multiple of chance
};
const Form kQuick{.slices = {.pixels = 48, .pixel_mm = 4.33}, .widths = {16, 32}, .dim = 32, .train = 600, .marked = 600, .test = 80, .batch = 24, .epochs = 4,
                  .bag_epochs = 1, .learning_rate = 4e-3, .pointing = 0.5, .lead = 0.15, .told_apart = 0.6, .new_pointing = 0.35, .new_told_apart = 0, .lift = 1.2};
const Form kFull{.slices = {}, .widths = {24, 48}, .dim = 64, .train = 3000, .marked = 300, .test = 400, .batch = 48, .epochs = 8,
                 .bag_epochs = 8, .learning_rate = 2e-3, .pointing = 0.8, .lead = 0.25, .told_apart = 0.9, .new_pointing = 0.7, .new_told_apart = 0.8, .lift = 4};

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

/// Where lesions of each place were in training, those of the place opposite too, mirrored: [places, G].
Tensor place_prior(const BrainCorpus& corpus, int64_t side) {
  const LesionPhrases about = lesion_phrases(corpus, all_indices(corpus));
  const Tensor touched = touched_cells(about.masks, side, side).to(torch::kFloat).view({-1, side, side});
  Tensor prior = torch::zeros({kBrainPlaces, side, side});
  for (int64_t p = 0; p < touched.size(0); ++p) {
    const BrainPlace place = about.phrases[static_cast<size_t>(p)].place;
    prior[place_index(place)] += touched[p];
    prior[place_index(mirrored(place))] += touched[p].flip(1);
  }
  return prior.flatten(1);
}

struct Answers {
  LesionPhrases about;
  Tensor cells, pointed, hits;                                    // [N, G, D], [P], [P]
  Score pointing, shared, other, kindless, prior, atlas, chance;  // shared: two lesions in the place; the last three need no model
  Score sides, negation;
};

Answers ask(PhraseGrid model, const BrainCorpus& corpus, const Tensor& prior) {
  Answers a{.about = lesion_phrases(corpus, all_indices(corpus)), .cells = embed_all_cells(model, corpus.images)};
  const int64_t side = grid_side(a.cells);
  const Tensor right = touched_cells(a.about.masks, side, side), own = a.cells.index_select(0, a.about.owner);
  const auto hits = [&](const Tensor& pointed) { return right.gather(1, pointed.unsqueeze(1)).squeeze(1).to(torch::kFloat); };
  const auto point = [&](const BrainNote& phrases) { return point_at(model, phrases_of({phrases}).words, own); };
  const auto mean = [&](const Tensor& values) { return grouped_mean(values, a.about.owner); };  // phrases of a slice rise and fall together
  a.hits = hits(a.pointed = point(a.about.phrases));
  a.pointing = mean(a.hits);
  a.shared = grouped_mean(a.hits.masked_select(a.about.shares_place), a.about.owner.masked_select(a.about.shares_place));
  BrainNote others = a.about.phrases, kindless = a.about.phrases;
  std::ranges::rotate(others, others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2));
  std::vector<int64_t> places;
  for (BrainPhrase& phrase : kindless) phrase.kind = std::nullopt, places.push_back(place_index(phrase.place));
  a.other = mean(hits(point(others)));
  a.kindless = mean(hits(point(kindless)));
  a.prior = mean(hits(prior.index_select(0, torch::tensor(places)).argmax(1)));
  const auto random_cell = [&](const Tensor& among) { return mean(right.logical_and(among).sum(1) / among.sum(1).to(torch::kFloat)); };
  a.atlas = random_cell(touched_cells(a.about.places, side, side));
  a.chance = random_cell(touched_cells(a.about.heads, side, side));

  const torch::NoGradGuard no_grad;
  Random random(7);
  const auto notes = notes_of(corpus, all_indices(corpus));
  const auto score = [&](const std::vector<BrainNote>& texts) { return model->own_text_scores(phrases_of(texts), a.cells); };
  a.sides = grouped_mean(preference(score(notes), score(with_sides_swapped(notes))));
  a.negation = grouped_mean(preference(score(notes), score(with_negation_moved(notes, random))));
  return a;
}

/// The whole note as a bag of words and the whole slice as a vector, by contrast. Rows of the slices, then of the notes, notes with sides swapped,
/// with negation moved.
std::array<Tensor, 4> bag_of_words(const BrainCorpus& corpus, const BrainCorpus& test, const Form& form) {
  JointEmbedding joint({.dim = 64});
  joint->add("slice", ResidualImageEncoder({.channels = 1, .dim = 64, .image_size = form.slices.pixels, .widths = form.widths, .stem_stride = 2}));
  joint->add("note", HashedTextEncoder({.buckets = 64, .dim = 64, .embedding_dim = 64, .hidden_dim = 64}));
  const auto data = [](const BrainCorpus& from, const std::vector<BrainNote>& notes) {
    const auto words = note_word_ids(notes);
    const Tensor ids = finding_ids(from.cases);
    std::vector<Sample> samples;
    for (size_t i = 0; i < notes.size(); ++i) {
      std::vector<int64_t> bag;
      for (const auto& phrase : words[i]) bag.insert(bag.end(), phrase.begin(), phrase.end());
      samples.push_back({.id = std::to_string(ids[static_cast<int64_t>(i)].item<int64_t>()),
                         .values = {{"slice", from.cases[i].image}, {"note", torch::tensor(bag)}}});
    }
    return std::make_shared<MemoryDataset>(std::move(samples));
  };
  Loader loader(data(corpus, notes_of(corpus, all_indices(corpus))), {.batch_size = form.batch});
  ContrastiveTrainer(joint, {.learning_rate = 2e-3, .epochs = form.bag_epochs, .schedule = {.warmup = 20}}).fit(loader);
  const auto notes = notes_of(test, all_indices(test));
  Random random(7);
  std::array<Tensor, 4> rows;
  for (size_t i = 1; const auto& texts : {notes, with_sides_swapped(notes), with_negation_moved(notes, random)}) {
    Loader ordered(data(test, texts), {.shuffle = false});
    const EmbeddedSet set = embed_all(joint, ordered);
    rows[0] = set.modalities.at("slice").values;
    rows[i++] = set.modalities.at("note").values;
  }
  return rows;
}

std::string share(double value) { return html::percent(value) + " %"; }
std::string text_of(const Score& s) { return share(s.value) + " (" + html::percent(s.low) + " to " + html::percent(s.high) + ")"; }

/// Prints a table and keeps it for the report.
struct Results {
  std::vector<std::vector<html::Cell>> rows;
  void add(const std::string& question, const Score& score, const std::string& baselines) {
    std::printf("%-52s %s; %s\n", question.c_str(), text_of(score).c_str(), baselines.c_str());
    rows.push_back({{html::escape(question)}, {text_of(score)}, {html::escape(baselines)}});
  }
};

void write_report(const std::string& path, const Results& results, const BrainCorpus& corpus, const Answers& answers) {
  const int64_t side = grid_side(answers.cells), cell = corpus.images.size(2) / side;
  std::vector<html::GalleryRow> gallery;
  for (int64_t p = 0; p < answers.pointed.size(0) && gallery.size() < 25; ++p) {
    const int64_t owner = answers.about.owner[p].item<int64_t>(), at = answers.pointed[p].item<int64_t>();
    const Tensor slice = corpus.images[owner][0];
    const double row = static_cast<double>(at / side * cell) + 0.5 * static_cast<double>(cell - 1),
                 column = static_cast<double>(at % side * cell) + 0.5 * static_cast<double>(cell - 1);
    if (p == 0 || answers.about.owner[p - 1].item<int64_t>() != owner)
      gallery.push_back({note_text(corpus.cases[static_cast<size_t>(owner)].note),
                         {.picture = pointing_picture(slice, {}, -1, -1), .caption = "the slice; the patient's left is on the right"},
                         {}});
    gallery.back().results.push_back({.picture = pointing_picture(slice, answers.about.masks[p], row, column),
                                      .caption = phrase_text(answers.about.phrases[static_cast<size_t>(p)]),
                                      .mark = answers.hits[p].item<float>() > 0 ? html::Mark::right : html::Mark::wrong});
  }
  const std::string words =
      "<p>Lesions and notes are simulated on slices of one template, warped: one subject. This is no medical device, and nothing here says how well "
      "a model reads real scans.</p>\n";
  const std::string body =
      "<h1>Slices of a brain and notes</h1>\n" + words +
      html::section("results", "What was asked", html::table({"Results", {{"question"}, {"answered rightly"}, {"beside it"}}, results.rows})) +
      html::section("pointed", "Where it pointed",
                    "<p>The cross is where the model pointed for the phrase, the outline is the lesion.</p>\n" + html::gallery(gallery));
  write_file(path, html::page({.title = "Slices of a brain and notes",
                               .style = ".asked { grid-template-columns: 214px 1fr; } .answers { grid-template-columns: repeat(auto-fill, 200px); } "
                                        ".tile img { max-width: 200px; }",
                               .body = body}));
}

}  // namespace

int main(int count, char** arguments) {
  const bool full = count > 1 && std::strcmp(arguments[1], "--full") == 0;
  const std::string report = count > 2 && std::strcmp(arguments[count - 2], "--report") == 0 ? arguments[count - 1] : "";
  const Form& form = full ? kFull : kQuick;
  if (!std::filesystem::exists("/usr/share/mricron/templates/aal.nii.gz"))
    return std::puts("skipped: no template of a brain; install it with: apt-get install mricron-data"), 0;
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

  const Tensor prior = place_prior(corpus, grid_side(embed_all_cells(model, test.images.slice(0, 0, 1))));
  const Answers a = ask(model, test, prior), u = ask(model, unseen, prior);
  const auto bag = bag_of_words(corpus, test, form);
  const auto bag_tells = [&](size_t i) { return share(preference((bag[0] * bag[1]).sum(1), (bag[0] * bag[i]).sum(1)).mean().item<double>()); };
  Results results;
  const auto without = [](const Answers& x) {
    return "where lesions of the place were " + share(x.prior.value) + ", a cell of the place " + share(x.atlas.value) + ", a cell of the head " +
           share(x.chance.value);
  };
  results.add("points at the lesion that a phrase names", a.pointing,
              without(a) + "; told another phrase " + share(a.other.value) + ", not told the kind " + share(a.kindless.value));
  results.add("  where two lesions share the place", a.shared, "only the kind tells them apart");
  results.add("tells left and right swapped", a.sides, "bag of words " + bag_tells(2));
  results.add("tells affirmed and negated", a.negation, "bag of words " + bag_tells(3));
  results.add("points, places and sides never seen together", u.pointing, without(u));
  results.add("  tells left and right swapped", u.sides, "chance 50.0 %");
  results.add("  tells affirmed and negated", u.negation, "chance 50.0 %");
  const Tensor ids = finding_ids(test.cases), scores = all_text_scores(model, note_word_ids(notes_of(test, all_indices(test))), a.cells);
  const RetrievalOptions same{.query_ids = ids, .item_ids = ids};
  double lift = 1e9;
  for (const bool to_slice : {true, false}) {
    const RetrievalScores found = retrieval_scores(to_slice ? scores : scores.t().contiguous(), same),
                          bags = to_slice ? retrieval_scores(bag[1], bag[0], same) : retrieval_scores(bag[0], bag[1], same);
    for (const char* name : {"R@1", "R@10"})
      results.add(std::string(to_slice ? "note to slice, " : "slice to note, ") + name + " of " + std::to_string(form.test), found.at(name).score,
                  "bag of words " + text_of(bags.at(name).score) + ", chance " + share(found.at(name).chance));
    lift = std::min(lift, found.at("R@10").score.value / found.at("R@10").chance);
  }
  if (!report.empty()) write_report(report, results, test, a);
  const double best = std::max({a.prior.value, a.atlas.value, a.other.value}), best_unseen = std::max(u.prior.value, u.atlas.value);
  const bool expected = a.pointing.value >= form.pointing && a.pointing.value >= best + form.lead && a.shared.value >= a.kindless.value &&
                        a.sides.value >= form.told_apart && a.negation.value >= form.told_apart && bag_tells(2) == bag_tells(3) &&
                        bag_tells(2) == share(0.5) && u.pointing.value >= form.new_pointing && u.pointing.value >= best_unseen + form.lead &&
                        std::min(u.sides.value, u.negation.value) >= form.new_told_apart && lift >= form.lift;
  std::printf("%s: phrases are pointed at their lesions, sides and negations are told apart, also where side and region were never seen together\n",
              expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}
