// SPDX-License-Identifier: Apache-2.0
#include "alignment/detail/dtw_series.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace alloy {

void DtwOptions::validate() const {
  check<ConfigError>(radius >= -1, "[DtwOptions] expected a radius >= 0, or -1 for no band, got {}", {radius});
  check<ConfigError>(max_slope == 0 || (max_slope >= 1 && std::isfinite(max_slope)), "[DtwOptions] expected a max_slope >= 1, or 0 for none, got {}",
                     {max_slope});
  check<ConfigError>(radius < 0 || max_slope == 0, "[DtwOptions] expected one band, got radius {} and max_slope {}", {radius, max_slope});
  check<ConfigError>(max_slope == 0 || ends == DtwEnds::closed, "[DtwOptions] expected closed ends with max_slope, which pins both, got {}", {ends});
  check<ConfigError>(max_path_mb >= 1, "[DtwOptions] expected max_path_mb >= 1, got {}", {max_path_mb});
}

namespace detail {

SeriesSet::SeriesSet(const std::vector<Tensor>& series, std::string_view where, std::string_view name) {
  check<DataError>(!series.empty(), "[{}] expected at least one series, got none", {where});
  for (size_t n = 0; n < series.size(); ++n) {
    const Tensor& s = series[n];
    const std::string who = std::string(name) + (name == "series" ? " " + std::to_string(n) : "");
    check<ShapeError>(s.defined() && (s.dim() == 1 || s.dim() == 2) && s.is_cpu(), "[{}] expected {} of shape [T] or [T, D] on the CPU, got {}",
                      {where, who, s});
    check<ShapeError>(s.scalar_type() == at::kFloat || s.scalar_type() == at::kDouble, "[{}] expected {} of dtype float32 or float64, got {}",
                      {where, who, s});
    check<DataError>(s.numel() > 0, "[{}] expected at least one step in {}, got {}", {where, who, s});
    const int64_t width = s.dim() == 2 ? s.size(1) : 1;
    if (n == 0) width_ = width;
    check<ShapeError>(s.scalar_type() == series[0].scalar_type() && width == width_, "[{}] expected series of one dtype and width, got {} and {}",
                      {where, series[0], s});
    const Tensor finite = s.detach().isfinite();
    if (!finite.all().item<bool>()) {
      const Tensor steps = s.dim() == 2 ? finite.all(1) : finite;
      fail<DataError>("[{}] expected finite values, got NaN or infinity at step {} of {}",
                      {where, steps.logical_not().nonzero()[0][0].item<int64_t>(), who});
    }
    series_.push_back(s.detach().contiguous());
  }
}

void SeriesSet::check_fits(const SeriesSet& other, std::string_view where) const {
  check<ShapeError>(dtype() == other.dtype() && width() == other.width(), "[{}] expected series of one dtype and width, got {} and {}",
                    {where, series_[0], other.series_[0]});
}

int64_t BandRows::cells() const {
  return std::accumulate(last.begin(), last.end(), std::ssize(last)) - std::accumulate(first.begin(), first.end(), int64_t{0});
}

namespace {

// Note [Itakura]: with u = i / (rows - 1) and v = j / (columns - 1), u / s <= v <= s u and (1 - u) / s <= 1 - v <= s (1 - u). A
// series of one step has no slope: all is within.
BandRows itakura_rows(double s, int64_t rows, int64_t columns) {
  constexpr double kRounding = 1e-9;  // of a border that goes through a pair of steps
  const auto most = static_cast<double>(columns - 1);
  BandRows band;
  for (int64_t i = 0; i < rows; ++i) {
    const double u = rows > 1 ? static_cast<double>(i) / static_cast<double>(rows - 1) : 0.5;
    const double low = rows > 1 ? std::max(u / s, 1 - s * (1 - u)) : 0, high = rows > 1 ? std::min(s * u, 1 - (1 - u) / s) : 1;
    band.first.push_back(std::clamp<int64_t>(static_cast<int64_t>(std::ceil(low * most - kRounding)), 0, columns - 1));
    band.last.push_back(std::clamp<int64_t>(static_cast<int64_t>(std::floor(high * most + kRounding)), -1, columns - 1));
  }
  return band;
}

/// Whether a path leads from the first cell to the last.
bool leads_through(const BandRows& band) {
  int64_t from = 0, to = 0;  // the columns that can be reached in the row above
  for (size_t i = 0; i < band.first.size(); ++i) {
    from = std::max(from, band.first[i]);
    if (from > std::min(band.last[i], i == 0 ? int64_t{0} : to + 1)) return false;
    to = band.last[i];
  }
  return true;
}

bool itakura_fits(double s, int64_t rows, int64_t columns) { return leads_through(itakura_rows(s, rows, columns)); }

}  // namespace

BandRows band_rows(const DtwOptions& options, int64_t rows, int64_t columns) {
  if (options.max_slope > 0) return itakura_rows(options.max_slope, rows, columns);
  BandRows band;
  const int64_t all = std::max(rows, columns), radius = options.radius < 0 ? all : std::min(options.radius, all);
  for (int64_t i = 0; i < rows; ++i) {
    band.first.push_back(std::max(int64_t{0}, i - radius));
    band.last.push_back(std::min(columns - 1, i + radius));
  }
  return band;
}

void check_band(const DtwOptions& options, int64_t rows, int64_t columns, std::string_view where) {
  if (options.radius >= 0) {
    const int64_t least = opens_end(options.ends) ? std::max(int64_t{0}, rows - columns) : std::abs(rows - columns);
    check<ConfigError>(options.radius >= least,
                       "[{}] expected a radius of at least {} for series of {} and {} steps, which no path joins within the band otherwise, got {}",
                       {where, least, rows, columns, options.radius});
  }
  if (options.max_slope == 0 || itakura_fits(options.max_slope, rows, columns)) return;
  double low = options.max_slope, high = 2.0 * static_cast<double>(std::max(rows, columns));  // where all but the rims is within
  check<ConfigError>(itakura_fits(high, rows, columns), "[{}] expected series that max_slope can join, got {} and {} steps; a radius of {} does",
                     {where, rows, columns, std::abs(rows - columns)});
  while (high - low > 0.005) (itakura_fits((low + high) / 2, rows, columns) ? high : low) = (low + high) / 2;
  fail<ConfigError>("[{}] expected a max_slope of at least {} for series of {} and {} steps, which no path joins within the band otherwise, got {}",
                    {where, std::ceil(high * 100) / 100, rows, columns, options.max_slope});
}

}  // namespace detail
}  // namespace alloy
