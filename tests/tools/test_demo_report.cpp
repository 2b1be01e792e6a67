// SPDX-License-Identifier: Apache-2.0
#include "../../tools/alloy/demo/results.hpp"
#include "support/catch.hpp"
#include "support/html.hpp"

#include <limits>

using namespace alloy;
using namespace alloy::demo;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// All classes equally often; the first `wrong` of the eight samples are answered with the next class.
Run run_of(const std::string& task, const std::string& method, const std::string& stage, std::vector<std::string> names, int wrong) {
  Run run{.task = task, .method = method, .stage = stage, .trained_on = names, .tested_on = names, .parameters = 1234567, .train_seconds = 12.34, .inference_ms = 0.05};
  const double right = 1 - wrong / 8.0;
  run.accuracy = {right, right - 0.05, right + 0.05};
  run.macro_f1 = run.ece = {0.25, 0.2, 0.3};
  for (int64_t i = 0; i < 8; ++i) run.predicted.push_back((i + (i < wrong)) % 2);
  run.curve = {{0, 0.7, 0.69, 0.5}, {1, 0.4, 0.5, right}};
  return run;
}

Results full() {
  const std::vector<std::string> all = {"image", "audio", "text"};
  Results results{.version = "1.2.3", .date = "2025-01-02", .modalities = all};
  for (const std::string task : {"redundant", "unique", "synergy"}) {
    results.labels[task] = {"boot", "a<b & \"c\""};
    results.truth[task + "/0"] = {0, 1, 0, 1, 0, 1, 0, 1};
    for (const auto& name : all) results.runs.push_back(run_of(task, name, "single", {name}, 4));
    results.runs.push_back(run_of(task, "concat", "early", all, 2));
    results.runs.push_back(run_of(task, "gated <x>", "hybrid", all, 1));
    results.runs.push_back(run_of(task, "late average", "late", all, 3));
    results.runs.back().curve.clear();
    results.runs[results.runs.size() - 2].contributions = {{"image", 1.25}, {"audio", -0.5}, {"text", kNan}};
    results.runs[results.runs.size() - 2].weights = {{"image", 0.125}, {"audio", 0.5}, {"text", 0.375}};
  }
  Run less = run_of("redundant", "concat", "early", all, 0);
  less.tested_on = {"audio"};
  less.accuracy.value = 0.777;
  results.runs.push_back(less);
  less.modality_dropout = true;
  less.accuracy.value = 0.888;
  results.runs.push_back(less);
  results.runs.push_back(run_of("redundant", "pair concat", "early", {"text", "image"}, 0));  // the best, but not of all modalities
  results.samples.push_back({.id = "test-1", .truth = "boot", .typed = "<script>bo&ot</script>", .spoken_by = "en+f2", .image_size = 2, .image = {0, 80, 160, 240},
                             .frames = 3, .bins = 2, .spectrogram = {0, 1, 2, 3, static_cast<float>(kNan), 5}, .answers = {{"image", {"boot", 0.5}}, {"fusion", {"bag", 0.25}}}});
  results.expectations = {{"fusion helps", 37.5, "at least", 10, "points", true, ""}, {"it is quick", kNan, "at most", 1, "%", false, "because <it> was not"}};
  return results;
}

}  // namespace

TEST_CASE("report page", "[tools]") {
  const std::string page = to_html(full());
  const std::string text = text_of(page);
  SECTION("is one well-formed file of its own") {
    CHECK(nesting_fault(page) == "");
    for (const auto* what : {"http://", "https://", "<script", "<link", "@import", "url("}) CHECK(page.find(what) == std::string::npos);
    CHECK_THAT(page, ContainsSubstring("prefers-color-scheme: dark"));
    CHECK(times(page, "<svg") == times(page, "</title>") - 1);  // each chart has a title, as has the page
  }
  SECTION("names everything, escaped") {
    for (const auto* what : {"1.2.3", "2025-01-02", "concat", "gated &lt;x&gt;", "late average", "boot", "a&lt;b &amp; &quot;c&quot;", "&lt;script&gt;bo&amp;ot&lt;/script&gt;", "en+f2",
                             "because &lt;it&gt; was not", "leave-one-out contributions", "mean weights"})
      CHECK_THAT(text, ContainsSubstring(what));
    CHECK(page.find("gated <x>") == std::string::npos);
  }
  SECTION("prints what was measured") {
    CHECK_THAT(page, ContainsSubstring("87.5 <span class=\"interval\">82.5–92.5</span>"));
    CHECK_THAT(page, ContainsSubstring("+37.5 points"));  // gated, 87.5, over a single modality, 50; not the pair
    CHECK_THAT(page, ContainsSubstring("1\u202f234\u202f567"));
    CHECK_THAT(page, ContainsSubstring("✗ missed"));
    CHECK_THAT(page, ContainsSubstring("−0.50"));
    CHECK_THAT(page, ContainsSubstring("12.5"));
    CHECK_THAT(page, ContainsSubstring("chance 50.0 %"));
    CHECK_THAT(text, !ContainsSubstring("nan") && !ContainsSubstring("inf "));
  }
  SECTION("keeps models of fewer modalities, and tests on fewer, out of the comparison") {
    const std::string tasks = page.substr(page.find("id=\"tasks\""), page.find("id=\"missing\"") - page.find("id=\"tasks\""));
    const std::string missing = page.substr(page.find("id=\"missing\""), page.find("id=\"confusion\"") - page.find("id=\"missing\""));
    for (const auto* what : {"pair concat", "77.7", "88.8"}) {
      CHECK(tasks.find(what) == std::string::npos);
      CHECK_THAT(missing, ContainsSubstring(what));
    }
    CHECK(missing.find(">77.7<") < missing.find(">88.8<"));  // without dropout, then with it
    CHECK_THAT(missing, ContainsSubstring("image +<br>audio +<br>text"));
  }
  SECTION("counts the confusions of the best fusion") {
    // gated is wrong on the first of eight: a boot that it takes for the other
    const std::string confusion = page.substr(page.find("id=\"confusion\""), page.find("id=\"curves\"") - page.find("id=\"confusion\""));
    CHECK_THAT(confusion, ContainsSubstring("Most frequent mistake: boot taken for a&lt;b &amp; &quot;c&quot;, 1 times."));
    CHECK_THAT(confusion, ContainsSubstring("<td class=\"plain\">75.0</td>") && ContainsSubstring("<td class=\"plain\">100.0</td>"));
  }
  SECTION("shows pictures, time from left to right") {
    if (has_image_files()) {
      CHECK_THAT(page, ContainsSubstring("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAA"));  // signature, header: 2 x 2, grey
      CHECK_THAT(page, ContainsSubstring("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAA"));  // 3 frames wide, 2 bins high, RGB
    } else {
      CHECK(times(page, "no picture") == 2);
    }
  }
  SECTION("marks wrong answers in words") {
    CHECK_THAT(page, ContainsSubstring("✓<span class=\"unseen\">right</span></td><td>boot</td><td class=\"n\">50.0 %"));
    CHECK_THAT(page, ContainsSubstring("✗<span class=\"unseen\">wrong</span></td><td>bag</td><td class=\"n\">25.0 %"));
  }
}

TEST_CASE("report page of poor results", "[tools]") {
  const auto check_page = [](const Results& results) {
    const std::string page = to_html(results);
    CHECK(nesting_fault(page) == "");
    const std::string text = text_of(page);
    CHECK_THAT(text, !ContainsSubstring("nan") && !ContainsSubstring("inf ") && !ContainsSubstring("null pointer"));
    CHECK_THAT(page, !ContainsSubstring("=\"nan") && !ContainsSubstring(",nan") && !ContainsSubstring("=\"inf"));
    return text;
  };
  SECTION("nothing at all") { CHECK_THAT(check_page({}), ContainsSubstring("this task was not run") && ContainsSubstring("no samples were kept")); }
  SECTION("a task missing, no names of modalities or classes") {
    Results results = full();
    std::erase_if(results.runs, [](const Run& run) { return run.task == "synergy"; });
    results.labels.clear();
    results.modalities.clear();
    CHECK_THAT(check_page(results), ContainsSubstring("class 1") && ContainsSubstring("this task was not run"));
  }
  SECTION("a task of another name") {
    Results results = full();
    for (Run& run : results.runs) run.task = "more & more", run.stage = "odd";
    CHECK_THAT(check_page(results), ContainsSubstring("more &amp; more") && ContainsSubstring("odd"));
  }
  SECTION("not a number anywhere") {
    Results results = full();
    const double inf = std::numeric_limits<double>::infinity();
    for (Run& run : results.runs) {
      run.accuracy = run.macro_f1 = run.ece = {kNan, -inf, inf};
      run.train_seconds = run.inference_ms = inf;
      for (auto& p : run.curve) p = {p.epoch, inf, kNan, kNan};
      for (auto& c : run.contributions) c.second = kNan;
      for (auto& w : run.weights) w.second = -inf;
    }
    results.samples[0].answers[0].second.second = kNan;
    for (auto& v : results.samples[0].spectrogram) v = static_cast<float>(kNan);
    check_page(results);
  }
  SECTION("predictions, classes and pictures that do not fit") {
    Results results = full();
    for (Run& run : results.runs) run.predicted = {-5, 1'000'000'000'000, 7, 1, 0, 1, 0, 1};
    results.samples[0].image_size = int64_t{1} << 40;
    results.samples[0].frames = -3;
    CHECK_THAT(check_page(results), ContainsSubstring("class 7") && ContainsSubstring("no picture"));
    results.truth["redundant/0"].pop_back();
    CHECK_THAT(check_page(results), ContainsSubstring("not among the results"));
  }
  SECTION("many modalities") {
    Results results = full();
    for (int i = 0; i < 20; ++i) results.modalities.push_back("m" + std::to_string(i));
    for (Run& run : results.runs) {
      if (run.trained_on.size() == 3) run.trained_on = run.tested_on = results.modalities;
    }
    check_page(results);
  }
}
