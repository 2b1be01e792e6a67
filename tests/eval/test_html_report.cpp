// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/html.hpp"

#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>

#include <limits>

using namespace alloy;
using namespace alloy::html;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
constexpr auto kHostile = "</title><script>alert('1')</script>\"&\x01\xff";
constexpr auto kHarmless = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;\ufffd\ufffd";

/// Well-formed, and nothing but numbers in its coordinates.
void check_markup(const std::string& markup) {
  CHECK(nesting_fault(markup) == "");
  for (const auto* what : {"nan", "inf", "<script"}) CHECK(markup.find(what) == std::string::npos);
}

/// The commands of the last path of a class: those before it are keys of the legend.
std::string path_of(const std::string& svg, const std::string& css) {
  const size_t end = svg.rfind("\" class=\"" + css + "\"");
  REQUIRE(end != std::string::npos);
  const size_t begin = svg.rfind("d=\"", end) + 3;
  return svg.substr(begin, end - begin);
}

std::string bytes_of_uri(const std::string& uri) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : uri.substr(uri.find(',') + 1)) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    count += 6;
    if (count >= 8) count -= 8, out += static_cast<char>(bits >> count & 0xFF);
  }
  return out;
}

}  // namespace

TEST_CASE("text of a page", "[eval]") {
  SECTION("is escaped, whatever it holds") {
    CHECK(escape("a<b> & \"c\" 'd'\n\te") == "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\n\te");
    CHECK(escape("größe — 漢 😀") == "größe — 漢 😀");
    CHECK(escape(std::string("\0\x1b\x7f", 3)) == "\ufffd\ufffd\ufffd");
    CHECK(escape("\u0085\u009f\u00a0") == "\ufffd\ufffd\u00a0");
    CHECK(escape("\xc3(\xed\xa0\x80\xf0\x9f\x98") == "\ufffd(\ufffd\ufffd\ufffd\ufffd");  // cut, a surrogate, cut at the end
    CHECK(escape(kHostile) == kHarmless);
  }
  SECTION("is cut between characters") {
    CHECK(clip("größe", 3) == "grö…");
    CHECK(clip("größe", 5) == "größe");
    CHECK(clip("", 0).empty());
    CHECK(clip("ab", 0) == "…");
  }
  SECTION("numbers") {
    CHECK(number(-1.25, 1) == "−1.2");
    CHECK(number(-0.001, 2) == "0.00");
    CHECK(number(kNan, 2) == kNone);
    CHECK(number(1e308, 100).size() > 300);
    CHECK(signed_number(2, 1) == "+2.0");
    CHECK(percent(0.9321) == "93.2");
    CHECK(grouped(1234567) == "1\u202f234\u202f567");
    CHECK(grouped(-123) == "-123");
    CHECK(brief(0.000123456) == "0.0001235");
    CHECK(brief(12345) == "12\u202f345");
    CHECK(brief(-1.5e-9) == "−1.5e−9");
    CHECK(brief(2.5e20, 2) == "2.5e20");
    CHECK(brief(100) == "100");
    CHECK(brief(0) == "0");
    CHECK(brief(kInf) == kNone);
    CHECK(px(-0.04) == "0.0");
    CHECK(px(kNan) == "0");
  }
}

TEST_CASE("page of a report", "[eval]") {
  const std::string body = section("one", kHostile, table({.caption = kHostile, .columns = {{.name = "a", .kind = ColumnKind::row_name}, {.name = "b", .kind = ColumnKind::number}, {.name = "c"}},
                                                          .rows = {{{.content = "x"}, {.content = "1", .css = "best"}, {.content = "y", .css = "mark right"}}}}) +
                                                       details(kHostile, "<p>inside</p>\n"));
  const std::string whole = page({.title = kHostile, .style = ".own { color: red; }\n", .body = body});
  SECTION("is one well-formed file of its own, and says so to the browser") {
    check_markup(whole);
    for (const auto* what : {"http:", "https:", "<link", "@import", "url("}) CHECK(whole.find(what) == std::string::npos);
    CHECK_THAT(whole, ContainsSubstring("default-src 'none'; img-src data:") && ContainsSubstring("prefers-color-scheme: dark"));
    CHECK(times(whole, kHarmless) == 4);  // title, heading, caption, summary
    CHECK(whole.find(".own {") > whole.find("--paper"));
  }
  SECTION("tables mark names of rows, numbers and what is special") {
    CHECK_THAT(whole, ContainsSubstring("<th scope=\"col\">a</th><th scope=\"col\" class=\"n\">b</th><th scope=\"col\">c</th>"));
    CHECK_THAT(whole, ContainsSubstring("<tr><th scope=\"row\">x</th><td class=\"n best\">1</td><td class=\"mark right\">y</td></tr>"));
    CHECK_THROWS_WITH(table({.caption = "", .columns = {{.name = "a"}}, .rows = {{{.content = "1"}, {.content = "2"}}}}), ContainsSubstring("rows of 1 cells, got one of 2"));
  }
}

TEST_CASE("gallery of a report", "[eval]") {
  const Image image{.width = 2, .height = 1, .channels = 3, .pixels = {1, 2, 3, 200, 201, 202}};
  const std::string markup = gallery({{.heading = kHostile,
                                       .query = {.text = "a \"boot\""},
                                       .results = {{.text = "shows <b>", .picture = image, .caption = "1. 0.912", .mark = Mark::right}, {.text = kHostile, .caption = "2.", .mark = Mark::wrong}}},
                                      {.heading = "nothing", .query = {.picture = image, .caption = "cap"}, .results = {}}});
  check_markup(markup);
  CHECK_THAT(markup, ContainsSubstring("a &quot;boot&quot;") && ContainsSubstring(kHarmless) && ContainsSubstring("Nothing was found."));
  CHECK_THAT(markup, ContainsSubstring("✓<span class=\"unseen\">right</span></span> 1. 0.912") && ContainsSubstring("✗<span class=\"unseen\">wrong</span></span> 2."));
  if (has_image_files()) {
    CHECK(times(markup, "<img src=\"data:image/png;base64,") == 2);
    CHECK_THAT(markup, ContainsSubstring("alt=\"shows &lt;b&gt;\"") && ContainsSubstring("alt=\"cap\""));
  } else {
    CHECK(times(markup, "no picture") == 2);
  }
}

TEST_CASE("pictures of a report", "[eval]") {
  SECTION("are PNG inside the page") {
    const Image image{.width = 3, .height = 2, .channels = 3, .pixels = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 250, 251, 252, 253, 254}};
    const std::string uri = picture_uri(image);
    if (!has_image_files()) {
      CHECK(uri.empty());
    } else {
      const std::string png = bytes_of_uri(uri);
      CHECK(decode_image(std::as_bytes(std::span(png)), "png").pixels == image.pixels);
    }
  }
  SECTION("of no size are none") {
    CHECK(picture_uri({}).empty());
    CHECK(picture_uri({.width = 2, .height = 2, .channels = 3, .pixels = {1}}).empty());
    CHECK(picture_uri({.width = int64_t{1} << 40, .height = int64_t{1} << 40, .channels = 3, .pixels = {1}}).empty());
    CHECK(spectrogram_picture(2, 2, std::vector<float>{1, 2, 3}).pixels.empty());
    CHECK(spectrogram_picture(-1, -4, std::vector<float>{1, 2, 3, 4}).pixels.empty());
  }
  SECTION("of spectrograms have time to the right and low frequencies at the bottom") {
    const Image image = spectrogram_picture(3, 2, std::vector<float>{0, 1, 2, 3, static_cast<float>(kNan), 5});
    CHECK((image.width == 3 && image.height == 2 && image.channels == 3));
    const auto at = [&](int64_t x, int64_t y) { return image.pixels[static_cast<size_t>((y * 3 + x) * 3)]; };
    CHECK(at(0, 1) == heat_colour(0)[0]);  // first frame, lowest bin
    CHECK(at(2, 0) == heat_colour(1)[0]);  // last frame, highest bin
    CHECK(at(2, 1) == heat_colour(0)[0]);  // NaN is as the lowest
  }
  SECTION("colours of heat become lighter all the way") {
    double last = -1;
    for (int i = 0; i <= 20; ++i) {
      const auto c = heat_colour(i / 20.0);
      const double luminance = 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
      CHECK(luminance > last);
      last = luminance;
    }
  }
}

TEST_CASE("bar and cell charts", "[eval]") {
  const std::string bars = bar_chart({.title = kHostile, .description = "d",
                                      .bars = {{.label = "a<b", .group = "first", .score = {0.5, 0.25, 0.75}}, {.label = "c", .group = "second", .css = "c2", .score = {kNan, kNan, kNan}}},
                                      .guides = {{.label = "chance", .value = 0.1}, {.label = "none", .value = kNan}}});
  check_markup(bars);
  CHECK_THAT(bars, ContainsSubstring("a&lt;b") && ContainsSubstring("50.0 %") && ContainsSubstring("chance 10.0 %") && !ContainsSubstring("none "));
  // the plot goes from 246 to 870: the bar is half of it, the whisker from 402 to 714
  CHECK_THAT(bars, ContainsSubstring("x=\"246.0\" y=\"31.0\" width=\"312.0\"") && ContainsSubstring("M402.0 ") && ContainsSubstring("H714.0M714.0"));
  CHECK(times(bars, "whisker") == 1);
  check_markup(cell_chart({.title = "t", .description = "", .columns = {kHostile}, .rows = {{.label = kHostile, .values = {-1, 2}}, {.label = "x", .values = {kNan}}}}));
}

TEST_CASE("line chart", "[eval]") {
  SECTION("puts points where they belong, in order of x, broken where a value is missing") {
    const LineChart chart{.title = "loss", .lines = {{.name = "a", .points = {{10, 0}, {0, 10}, {5, kNan}, {2, 5}, {kNan, 3}}}}};
    const std::string svg = line_chart(chart);
    check_markup(svg);
    // x from 58 to 938 is 0 to 10; y from 276 to 46 is 0 to 10
    CHECK(path_of(svg, "line c1") == "M58.0 46.0L234.0 161.0M938.0 276.0h0");
  }
  SECTION("on a logarithmic axis leaves out what is not positive") {
    const std::string svg = line_chart({.title = "loss", .lines = {{.name = "", .points = {{0, 100}, {1, 1}, {2, 0}, {3, -5}, {4, 10}}}}, .y_scale = AxisScale::logarithmic});
    check_markup(svg);
    CHECK(path_of(svg, "line c1") == "M58.0 26.0L278.0 256.0M938.0 141.0h0");  // 1 to 100 over 230 pixels; no legend above
    CHECK_THAT(svg, ContainsSubstring(">1</text>") && ContainsSubstring(">10</text>") && ContainsSubstring(">100</text>"));
  }
  SECTION("of very many points keeps extremes and stays small") {
    Line line{.name = "many", .points = {}};
    for (int i = 0; i < 200'000; ++i) line.points.emplace_back(i, i == 123'456 ? 50 : i % 7);
    const std::string svg = line_chart({.title = "t", .lines = {line}});
    CHECK(svg.size() < 80'000);
    CHECK_THAT(path_of(svg, "line c1"), ContainsSubstring(" 46.0"));  // the only one at the top
  }
  SECTION("with nothing, one value, or values beyond measure is still a chart") {
    for (const auto& points : std::vector<std::vector<Point>>{{}, {{3, 3}}, {{0, 0}, {1, 0}}, {{0, kNan}}, {{-1e308, 1e308}, {1e308, -1e308}}, {{1, 1e-300}, {2, 2e-300}}, {{1, 0}, {2, 5e-324}}, {{1e15, 1}, {1e15 + 1, 1}}, {{kInf, 1}}}) {
      for (const AxisScale scale : {AxisScale::linear, AxisScale::logarithmic}) {
        const std::string svg = line_chart({.title = kHostile, .x_name = kHostile, .y_name = kHostile, .lines = {{.name = kHostile, .points = points}}, .y_scale = scale});
        check_markup(svg);
        CHECK(svg.size() < 20'000);
      }
    }
    check_markup(line_chart({.title = "", .lines = {}}));
  }
  SECTION("as a table has the rows that most lines have, evenly chosen, with the last") {
    LineChart chart{.title = "t", .lines = {{.name = "train", .points = {}}, {.name = "valid", .points = {}}}};
    for (int i = 0; i <= 100; ++i) chart.lines[0].points.emplace_back(i, 2 * i);
    for (int i = 0; i <= 100; i += 10) chart.lines[1].points.emplace_back(i, 3 * i);
    const std::string markup = line_table(chart, 3);
    check_markup(markup);
    CHECK_THAT(markup, ContainsSubstring("<tr><th scope=\"row\">0</th><td class=\"n\">0</td><td class=\"n\">0</td></tr>\n<tr><th scope=\"row\">50</th><td class=\"n\">100</td><td class=\"n\">150</td></tr>\n"
                                         "<tr><th scope=\"row\">100</th><td class=\"n\">200</td><td class=\"n\">300</td></tr>"));
  }
}

TEST_CASE("heat map", "[eval]") {
  const HeatMap map{.title = kHostile, .row_name = "image", .column_name = kHostile, .rows = 2, .columns = 3, .values = {0, 1, kNan, 0.5, 0, 1}, .row_labels = {kHostile, "b"}};
  SECTION("has a path a colour, a number a cell, a legend") {
    const std::string svg = heat_map(map);
    check_markup(svg);
    const auto rgb = heat_colour(1);
    const std::string top = "fill=\"" + fill("rgb({},{},{})", {static_cast<int64_t>(rgb[0]), static_cast<int64_t>(rgb[1]), static_cast<int64_t>(rgb[2])}) + "\"";
    const size_t at = svg.find(top);
    REQUIRE(at != std::string::npos);
    const std::string path = svg.substr(svg.rfind("<path", at), at - svg.rfind("<path", at));
    CHECK(times(path, "M") == 2);  // the two cells of 1
    CHECK(times(svg, ">0.50<") == 1);
    CHECK_THAT(svg, ContainsSubstring("rows: image"));
  }
  SECTION("ends of the colours can be given") {
    HeatMap wide = map;
    wide.low = -1, wide.high = 1;
    CHECK_THAT(heat_map(wide), ContainsSubstring(">−1</text>") && ContainsSubstring(">1</text>"));
    for (const auto& [low, high] : std::vector<Point>{{-1e308, 1e308}, {5, -5}, {1, 1}, {kInf, -kInf}, {kNan, 0}}) {
      wide.low = low, wide.high = high;
      check_markup(heat_map(wide));
    }
  }
  SECTION("draws no more than it can, and copes with nothing") {
    HeatMap large{.title = "t", .rows = 300, .columns = 300, .values = std::vector<double>(90'000, 0.5)};
    for (size_t i = 0; i < 90'000; ++i) large.values[i] = static_cast<double>(i % 97);
    const std::string svg = heat_map(large);
    check_markup(svg);
    CHECK(svg.size() < 300'000);
    for (const double v : {kNan, 0.0, 1e308}) check_markup(heat_map({.title = "t", .rows = 1, .columns = 1, .values = {v}}));
    check_markup(heat_map({.title = "t"}));
    CHECK_THROWS_WITH(heat_map({.title = "t", .rows = 2, .columns = 2, .values = {1, 2, 3}}), ContainsSubstring("2 x 2 values, got 3"));
    CHECK_THROWS_AS(heat_table({.title = "t", .rows = 2, .columns = size_t{1} << 63, .values = {}}), ShapeError);
  }
  SECTION("as a table") {
    const std::string markup = heat_table(map);
    check_markup(markup);
    CHECK_THAT(markup, ContainsSubstring("<tr><th scope=\"row\">b</th><td class=\"n\">0.5</td><td class=\"n\">0</td><td class=\"n\">1</td></tr>"));
  }
}

TEST_CASE("scatter plot", "[eval]") {
  SECTION("has a shape a class, and units of one length") {
    const std::string svg = scatter_plot({.title = "t", .classes = {{.name = "a", .points = {{0, 0}, {1, 0}, {kNan, 1}}}, {.name = kHostile, .points = {{0, 1}}}}, .links = {{{0, 0}, {0, 1}}, {{kNan, 0}, {1, 1}}}});
    check_markup(svg);
    const size_t dots = svg.rfind("<g class=\"dots c1\">");
    const std::string circles = svg.substr(dots, svg.find("</g>", dots) - dots), link = path_of(svg, "link");
    CHECK(times(circles, "a3.4") == 4);  // two circles of two arcs
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    REQUIRE(std::sscanf(link.c_str(), "M%lf %lfL%lf %lf", &x1, &y1, &x2, &y2) == 4);
    CHECK(times(link, "M") == 1);
    double first = 0, second = 0, ignored = 0;
    REQUIRE(std::sscanf(circles.c_str() + circles.find('M'), "M%lf %lfa", &first, &ignored) == 2);
    REQUIRE(std::sscanf(circles.c_str() + circles.rfind('M'), "M%lf", &second) == 1);
    CHECK_THAT(second - first, WithinAbs(y1 - y2, 0.21));
    CHECK(x1 == x2);
  }
  SECTION("of nothing, one point, or points beyond measure") {
    for (const auto& points : std::vector<std::vector<Point>>{{}, {{1, 1}}, {{1e308, -1e308}, {-1e308, 1e308}}, {{1e-300, 0}, {0, 0}}, {{kInf, 0}}})
      check_markup(scatter_plot({.title = kHostile, .x_name = kHostile, .classes = {{.name = "a", .points = points}}}));
    check_markup(scatter_plot({.title = "t", .classes = {}}));
  }
}
