// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/dtw_brute_force.hpp"

#include <alloy/alignment/dtw.hpp>
#include <alloy/core/json.hpp>
#include <alloy/io/file.hpp>

#include <cmath>
#include <limits>

using namespace alloy;

namespace {

Tensor series(int64_t steps, int64_t width, uint64_t seed, at::ScalarType type = at::kDouble) {
  torch::manual_seed(seed);
  return (width == 0 ? torch::randn({steps}, torch::kDouble) : torch::randn({steps, width}, torch::kDouble)).to(type);
}

Tensor of(std::vector<double> values) { return torch::tensor(values, torch::kDouble); }

Cells cells_of(const Tensor& path) {
  Cells cells;
  for (int64_t k = 0; k < path.size(0); ++k) cells.emplace_back(path[k][0].item<int64_t>(), path[k][1].item<int64_t>());
  return cells;
}

bool opens_begin(DtwEnds ends) { return ends == DtwEnds::open_begin || ends == DtwEnds::open; }
bool opens_end(DtwEnds ends) { return ends == DtwEnds::open_end || ends == DtwEnds::open; }

/// Whether a cell is within the band, from its definition.
bool inside(const DtwOptions& o, int64_t rows, int64_t columns, int64_t i, int64_t j) {
  if (o.radius >= 0) return std::abs(i - j) <= o.radius;
  if (o.max_slope == 0 || rows == 1 || columns == 1) return true;
  const double u = static_cast<double>(i) / static_cast<double>(rows - 1), v = static_cast<double>(j) / static_cast<double>(columns - 1),
               s = o.max_slope, e = 1e-12;
  return v <= s * u + e && v >= u / s - e && 1 - v <= s * (1 - u) + e && 1 - v >= (1 - u) / s - e;
}

struct Best {
  double distance = std::numeric_limits<double>::infinity();
  int64_t paths = 0;
};
Best brute_force(const Tensor& x, const Tensor& y, const DtwOptions& o) {
  const bool squared = o.cost == DtwCost::squared_euclidean;
  const Tensor costs = cost_table(x, y, squared);
  const int64_t rows = x.size(0), columns = y.size(0);
  Best best;
  for_each_path(
      rows, columns, [&](int64_t i, int64_t j) { return inside(o, rows, columns, i, j); }, opens_begin(o.ends), opens_end(o.ends),
      [&](const Cells& path) {
        best.distance = std::min(best.distance, path_cost(costs, path));
        ++best.paths;
      });
  if (squared) best.distance = std::sqrt(best.distance);
  return best;
}

/// That it is a path, within the band, between the right ends, of the cost that is said.
void check_path(const DtwResult& result, const Tensor& x, const Tensor& y, const DtwOptions& o, double tolerance) {
  const Cells path = cells_of(result.path);
  REQUIRE(!path.empty());
  CHECK(path.front().first == 0);
  CHECK(path.back().first == x.size(0) - 1);
  if (!opens_begin(o.ends)) CHECK(path.front().second == 0);
  if (!opens_end(o.ends)) CHECK(path.back().second == y.size(0) - 1);
  for (size_t k = 0; k < path.size(); ++k) {
    CHECK(inside(o, x.size(0), y.size(0), path[k].first, path[k].second));
    if (k == 0) continue;
    const int64_t di = path[k].first - path[k - 1].first, dj = path[k].second - path[k - 1].second;
    CHECK((di >= 0 && di <= 1 && dj >= 0 && dj <= 1 && di + dj >= 1));
  }
  const bool squared = o.cost == DtwCost::squared_euclidean;
  const double cost = path_cost(cost_table(x, y, squared), path);
  CHECK_THAT(result.distance, WithinAbs(squared ? std::sqrt(cost) : cost, tolerance));
}

void check_against_all_paths(const Tensor& x, const Tensor& y, const DtwOptions& o) {
  INFO("x " << x.sizes() << " y " << y.sizes() << " cost " << name_of(o.cost) << " radius " << o.radius << " slope " << o.max_slope << " ends "
            << name_of(o.ends));
  const Best best = brute_force(x, y, o);
  if (best.paths == 0) {
    CHECK_THROWS_AS(dtw(x, y, o), ConfigError);
    CHECK_THROWS_AS(dtw_distance(x, y, o), ConfigError);
    return;
  }
  const double tolerance = x.scalar_type() == at::kDouble ? 1e-12 : 2e-6;
  const DtwResult result = dtw(x, y, o);
  CHECK_THAT(result.distance, WithinAbs(best.distance, tolerance));
  CHECK_THAT(dtw_distance(x, y, o), WithinAbs(best.distance, tolerance));
  check_path(result, x, y, o, tolerance);
}

const Config& reference() {
  static const Config all = parse_json(read_text_file(fixture("dtw.json"), 1 << 20), "dtw.json");
  return all;
}
Tensor tensor_of(const Config& values) {
  std::vector<double> flat;
  int64_t width = 0;
  for (const Config& v : values.as_array()) {
    if (!v.is_array()) flat.push_back(v.as_double());
    else
      for (const Config& cell : v.as_array()) flat.push_back(cell.as_double()), width = std::ssize(v.as_array());
  }
  const Tensor all = torch::tensor(flat, torch::kDouble);
  return width > 0 ? all.view({-1, width}) : all;
}
Tensor series_of(const std::string& kind, size_t n) { return tensor_of(reference().at(kind).as_array()[n]); }

}  // namespace

TEST_CASE("dtw by hand", "[alignment]") {
  // 0 1 1 3 against 0 1 3 3: the middle step is held, nothing is left over
  CHECK(dtw(of({0, 1, 1, 3}), of({0, 1, 3, 3})).distance == 0);
  // costs 1 4 0 / 4 9 1 / 9 16 4: 1 + 4 + 0 + 1 + 4, and the same without the 0, which is the shorter way
  const DtwResult result = dtw(of({2, 3, 4}), of({1, 0, 2}));
  CHECK_THAT(result.distance, WithinAbs(std::sqrt(10.0), 1e-12));
  CHECK(cells_of(result.path) == Cells{{0, 0}, {0, 1}, {1, 2}, {2, 2}});
  CHECK(result.path.scalar_type() == at::kLong);
  CHECK(dtw(of({2, 3, 4}), of({1, 0, 2}), {.cost = DtwCost::euclidean}).distance == 1 + 2 + 0 + 1 + 2);
  CHECK(dtw(of({5}), of({2})).distance == 3);
  CHECK(cells_of(dtw(of({5}), of({2})).path) == Cells{{0, 0}});
  CHECK(dtw(of({1, 1}), of({9, 1, 1, 9}), {.ends = DtwEnds::open}).distance == 0);
}

TEST_CASE("dtw is the least of all paths", "[alignment]") {
  for (int64_t rows = 1; rows <= 5; ++rows)
    for (int64_t columns = 1; columns <= 5; ++columns) {
      const auto seed = static_cast<uint64_t>(10 * rows + columns);
      for (const int64_t width : {0, 1, 3}) check_against_all_paths(series(rows, width, seed), series(columns, width, seed + 100), {});
      const Tensor x = series(rows, 2, seed), y = series(columns, 2, seed + 200);
      check_against_all_paths(x, y, {.cost = DtwCost::euclidean});
      check_against_all_paths(x.select(1, 0), y.select(1, 0), {.cost = DtwCost::euclidean});
      check_against_all_paths(x.to(at::kFloat), y.to(at::kFloat), {});
      for (const auto& [ends, name] : enum_names(DtwEnds{}))
        for (const int64_t radius : {-1, 0, 1, 2}) check_against_all_paths(x, y, {.radius = radius, .ends = ends});
      for (const double slope : {1.0, 1.5, 2.0, 3.0}) check_against_all_paths(x, y, {.max_slope = slope});
    }
}

TEST_CASE("dtw agrees with dtaidistance and tslearn", "[alignment]") {
  const Config &dtai = reference().at("dtaidistance"), &learn = reference().at("tslearn");
  const auto check_matrix = [&](const std::string& kind, const std::string& name, const DtwOptions& options) {
    const Tensor expected = tensor_of(dtai.at(name));
    for (int64_t n = 0; n < expected.size(0); ++n)
      for (int64_t m = 0; m < expected.size(0); ++m) {
        const Tensor x = series_of(kind, static_cast<size_t>(n)), y = series_of(kind, static_cast<size_t>(m));
        const double value = expected[n][m].item<double>();
        CHECK_THAT(dtw(x, y, options).distance, WithinAbs(value, 1e-10));
        CHECK_THAT(dtw_distance(x, y, options), WithinAbs(value, 1e-10));
        CHECK_THAT(dtw(x.to(at::kFloat), y.to(at::kFloat), options).distance, WithinAbs(value, 1e-5 * (1 + value)));
      }
  };
  SECTION("distances") {
    check_matrix("one", "one", {});
    check_matrix("three", "three", {});
    check_matrix("one", "one_euclidean", {.cost = DtwCost::euclidean});
    check_matrix("three", "three_euclidean", {.cost = DtwCost::euclidean});
  }
  SECTION("bands") {
    const Tensor windows = tensor_of(dtai.at("window_from_2"));
    for (int64_t k = 0; k < windows.size(0); ++k)
      CHECK_THAT(dtw(series_of("one", 3), series_of("one", 4), {.radius = k + 1}).distance, WithinAbs(windows[k].item<double>(), 1e-10));
  }
  SECTION("open ends") {
    const Tensor x = series_of("one", 2), y = series_of("one", 6);
    for (const auto ends : {DtwEnds::open, DtwEnds::open_begin, DtwEnds::open_end})
      CHECK_THAT(dtw(x, y, {.ends = ends}).distance, WithinAbs(dtai.at(std::string(name_of(ends))).as_double(), 1e-10));
  }
  SECTION("paths") {
    const auto check = [&](const std::string& name, const Tensor& x, const Tensor& y, const DtwOptions& options) {
      const DtwResult result = dtw(x, y, options);
      CHECK_THAT(result.distance, WithinAbs(learn.at(name).at("distance").as_double(), 1e-10));
      CHECK(result.path.equal(tensor_of(learn.at(name).at("path")).to(at::kLong)));
    };
    check("path", series_of("one", 3), series_of("one", 5), {});
    check("path_three", series_of("three", 3), series_of("three", 5), {});
    check("radius_2", series_of("one", 3), series_of("one", 4), {.radius = 2});
    check("slope_2", series_of("one", 3), series_of("one", 4), {.max_slope = 2});
    check("part", series_of("one", 2), series_of("one", 6), {.ends = DtwEnds::open});
  }
}

TEST_CASE("properties of dtw", "[alignment]") {
  const Tensor x = series(40, 2, 1), y = series(33, 2, 2);
  SECTION("a series is at distance 0 from itself, along the diagonal") {
    for (const Tensor& s : {x, torch::full({9}, 4.5)}) {
      const DtwResult result = dtw(s, s);
      CHECK(result.distance == 0);
      CHECK(result.path.equal(torch::arange(s.size(0)).unsqueeze(1).expand({-1, 2})));
    }
  }
  SECTION("it is symmetric, and so is the path where no two are equally good") {
    for (const DtwOptions& o : {DtwOptions{}, DtwOptions{.radius = std::numeric_limits<int64_t>::max()}, DtwOptions{.radius = 9}, DtwOptions{.max_slope = 1.7}, DtwOptions{.cost = DtwCost::euclidean}}) {
      CHECK(dtw(x, y, o).distance == dtw(y, x, o).distance);
      CHECK(dtw(x, y, o).path.equal(dtw(y, x, o).path.flip(1)));
    }
  }
  SECTION("a wider band is never worse, and the widest is none") {
    double before = std::numeric_limits<double>::infinity();
    for (int64_t radius = 7; radius <= 40; ++radius) {
      const double now = dtw_distance(x, y, {.radius = radius});
      CHECK(now <= before);
      before = now;
    }
    CHECK(before == dtw_distance(x, y));
    CHECK(dtw_distance(x, y, {.max_slope = 1.3}) >= dtw_distance(x, y, {.max_slope = 1.6}));
    CHECK_THAT(dtw_distance(x, x + 1, {.radius = 0}), WithinAbs(std::sqrt(80), 1e-12));
  }
  SECTION("a step held longer changes nothing, open ends find a part") {
    CHECK(dtw_distance(x, x.repeat_interleave(3, 0)) == 0);
    const DtwResult part = dtw(x.slice(0, 10, 22), x, {.ends = DtwEnds::open});
    CHECK(part.distance == 0);
    CHECK(part.path.select(1, 1).equal(torch::arange(10, 22)));
    CHECK(dtw(x.slice(0, 0, 22), x, {.ends = DtwEnds::open_end}).distance == 0);
    CHECK(dtw(x.slice(0, 10), x, {.ends = DtwEnds::open_begin}).distance == 0);
    CHECK(dtw(x.slice(0, 10), x, {.ends = DtwEnds::open_end}).distance > 0);
  }
  SECTION("views, gradients and one step") {
    CHECK(dtw_distance(x.t().contiguous().t(), y) == dtw_distance(x, y));
    CHECK(dtw_distance(x.clone().requires_grad_(), y) == dtw_distance(x, y));
    CHECK_THAT(dtw_distance(of({1}), of({1, 2, 3})), WithinAbs(std::sqrt(5.0), 1e-12));
  }
}

TEST_CASE("what dtw refuses", "[alignment]") {
  const Tensor x = series(10, 0, 1), y = series(15, 0, 2);
  CHECK_THROWS_WITH(dtw(x, y, {.radius = 4}),
                    ContainsSubstring("a radius of at least 5 for series of 10 and 15 steps") && ContainsSubstring("got 4"));
  CHECK_NOTHROW(dtw(x, y, {.radius = 5}));
  CHECK_THROWS_WITH(dtw(y, x, {.radius = 4, .ends = DtwEnds::open_end}), ContainsSubstring("at least 5"));
  CHECK_NOTHROW(dtw(x, y, {.radius = 0, .ends = DtwEnds::open_end}));
  // the slope that the message asks for is enough, and hardly more than that
  const Tensor z = series(40, 0, 3);
  std::string said;
  try {
    dtw(of({1, 2, 3, 4}), z, {.max_slope = 1});
  } catch (const ConfigError& error) {
    said = error.what();
  }
  const std::string words = "a max_slope of at least ";
  REQUIRE(said.find(words) != std::string::npos);
  const double slope = std::stod(said.substr(said.find(words) + words.size()));
  CHECK_NOTHROW(dtw(of({1, 2, 3, 4}), z, {.max_slope = slope}));
  CHECK_THROWS_AS(dtw(of({1, 2, 3, 4}), z, {.max_slope = slope - 0.02}), ConfigError);
  CHECK_THROWS_WITH(dtw(of({1, 2}), z, {.max_slope = 2}), ContainsSubstring("a radius of 38 does"));
  CHECK_NOTHROW(dtw(of({1, 2}), z, {.radius = 38}));
  CHECK_NOTHROW(dtw(of({1}), z, {.max_slope = 1}));

  CHECK_THROWS_WITH(dtw(torch::empty({0}), y), ContainsSubstring("at least one step in x"));
  CHECK_THROWS_WITH(dtw(x, torch::empty({3, 0}, torch::kDouble)), ContainsSubstring("at least one step in y"));
  Tensor bad = y.clone();
  bad[7] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(dtw(x, bad), ContainsSubstring("step 7 of y"));
  bad[7] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(dtw_distance(bad, x), DataError);
  CHECK_THROWS_WITH(dtw(series(4, 2, 1), series(4, 3, 1)), ContainsSubstring("one dtype and width") && ContainsSubstring("[4, 3]"));
  CHECK_THROWS_AS(dtw(x, y.to(at::kFloat)), ShapeError);
  CHECK_THROWS_WITH(dtw(x, torch::arange(5)), ContainsSubstring("got int64 [5]"));
  CHECK_THROWS_AS(dtw(x, torch::zeros({2, 2, 2}, torch::kDouble)), ShapeError);
  CHECK_THROWS_AS(dtw(x, Tensor()), ShapeError);
  CHECK_THROWS_WITH(dtw(of({1e20}).to(at::kFloat), of({-1e20}).to(at::kFloat)), ContainsSubstring("float64"));
  CHECK_THROWS_AS(dtw_distance(of({1e20}).to(at::kFloat), of({-1e20}).to(at::kFloat)), DataError);
  CHECK_THROWS_WITH(dtw(torch::zeros({2000}), torch::zeros({2000}), {.max_path_mb = 3}),
                    ContainsSubstring("a table of 4 MB") && ContainsSubstring("dtw_distance"));
  CHECK_NOTHROW(dtw(torch::zeros({2000}), torch::zeros({2000}), {.radius = 100, .max_path_mb = 1}));
  for (const DtwOptions& o : {DtwOptions{.radius = -2}, DtwOptions{.max_slope = 0.5}, DtwOptions{.radius = 1, .max_slope = 2},
                              DtwOptions{.max_slope = 2, .ends = DtwEnds::open}, DtwOptions{.max_path_mb = 0}})
    CHECK_THROWS_AS(dtw(x, x, o), ConfigError);
  CHECK(from_config<DtwOptions>(to_config(DtwOptions{.radius = 3, .ends = DtwEnds::open})).radius == 3);
}

TEST_CASE("dtw reports and stops", "[alignment]") {
  const Tensor x = torch::zeros({1000});
  std::vector<int64_t> done;
  const auto note = [&](const Progress& p) {
    done.push_back(p.done);
    CHECK(p.total == 1000);
  };
  dtw(x, x, {}, {.progress = note});
  CHECK(done == std::vector<int64_t>{0, 256, 512, 768, 1000});
  done.clear();
  dtw_distance(torch::zeros({1000}), torch::zeros({3}), {}, {.progress = note});
  CHECK(done == std::vector<int64_t>{0, 1000});
  DtwCallbacks callbacks;
  callbacks.progress = [&](const Progress& p) {
    if (p.done == 256) callbacks.cancel.cancel();
  };
  CHECK_THROWS_AS(dtw(x, x, {}, callbacks), CancelledError);
  CHECK_THROWS_AS(dtw_distance(x, x, {}, callbacks), CancelledError);
}
