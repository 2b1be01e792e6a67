// SPDX-License-Identifier: Apache-2.0
#include "data/detail/brain_slice.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace alloy::detail {

namespace {

constexpr double kTurn = 2 * std::numbers::pi;
constexpr int kWaves = 3;

/// A smooth field over the plane or space: a sum of waves, each with its own direction and phase.
struct Waves {
  struct Wave {
    Point3 frequency{};  // 2 pi / wavelength along each axis
    double phase = 0, amplitude = 0;
  };
  std::array<Wave, kWaves> waves;

  Waves(double amplitude, double shortest, double longest, Random& random) {
    for (Wave& wave : waves) {
      Point3 direction{random.normal(), random.normal(), random.normal()};
      const double length = std::max(std::hypot(direction[0], direction[1], direction[2]), 1e-6), k = kTurn / random.uniform(shortest, longest);
      for (size_t axis = 0; axis < 3; ++axis) wave.frequency[axis] = k * direction[axis] / length;
      wave.phase = random.uniform(0, kTurn);
      wave.amplitude = amplitude / kWaves * random.uniform(0.3, 1.0);
    }
  }
  double at(const Point3& p) const {
    double sum = 0;
    for (const Wave& w : waves) sum += w.amplitude * std::sin(w.frequency[0] * p[0] + w.frequency[1] * p[1] + w.frequency[2] * p[2] + w.phase);
    return sum;
  }
};

/// Turn and scale about the middle of the head.
struct Pose {
  std::array<double, 9> matrix{};
  Point3 shift{};

  explicit Pose(Random& random) {
    constexpr double kTilt = 5.0, kSpin = 8.0, kScale = 0.07, kShift = 4.0;  // degrees, degrees, share, mm
    const double a = random.uniform(-kTilt, kTilt) / 360 * kTurn, b = random.uniform(-kTilt, kTilt) / 360 * kTurn,
                 c = random.uniform(-kSpin, kSpin) / 360 * kTurn;
    const double ca = std::cos(a), sa = std::sin(a), cb = std::cos(b), sb = std::sin(b), cc = std::cos(c), sc = std::sin(c);
    matrix = {cc * cb, cc * sb * sa - sc * ca, cc * sb * ca + sc * sa, sc * cb, sc * sb * sa + cc * ca, sc * sb * ca - cc * sa, -sb, cb * sa,
              cb * ca};  // about z, y, x
    for (size_t column = 0; column < 3; ++column) {
      const double scale = 1 + random.uniform(-kScale, kScale);
      for (size_t row = 0; row < 3; ++row) matrix[row * 3 + column] *= scale;
    }
    for (double& s : shift) s = random.uniform(-kShift, kShift);
  }
  Point3 operator()(const Point3& p, const Point3& middle) const {
    const Point3 d{p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]};
    Point3 out{};
    for (size_t row = 0; row < 3; ++row)
      out[row] = middle[row] + shift[row] + matrix[row * 3] * d[0] + matrix[row * 3 + 1] * d[1] + matrix[row * 3 + 2] * d[2];
    return out;
  }
};

/// Trilinear, and the nearest label; 0 outside.
class Sampler {
 public:
  explicit Sampler(const BrainVolumes& v)
      : volumes_(v),
        sizes_{v.intensity.size(2), v.intensity.size(1), v.intensity.size(0)},
        intensity_(v.intensity.const_data_ptr<float>()),
        places_(v.places.const_data_ptr<uint8_t>()) {}
  std::pair<float, uint8_t> at(const Point3& mm) const {
    std::array<int64_t, 3> low{};
    std::array<float, 3> part{};
    for (size_t axis = 0; axis < 3; ++axis) {
      const double v = (mm[axis] - volumes_.origin_mm[axis]) / volumes_.step_mm;
      if (!(v >= 0 && v < static_cast<double>(sizes_[axis] - 1))) return {0.F, uint8_t{0}};
      low[axis] = static_cast<int64_t>(v);
      part[axis] = static_cast<float>(v - std::floor(v));
    }
    float value = 0;
    for (int64_t corner = 0; corner < 8; ++corner) {
      const int64_t i = corner & 1, j = corner >> 1 & 1, k = corner >> 2;
      value += (i ? part[0] : 1 - part[0]) * (j ? part[1] : 1 - part[1]) * (k ? part[2] : 1 - part[2]) *
               intensity_[index(low[0] + i, low[1] + j, low[2] + k)];
    }
    return {value, places_[index(low[0] + (part[0] >= 0.5F), low[1] + (part[1] >= 0.5F), low[2] + (part[2] >= 0.5F))]};
  }
  Point3 middle(double z_mm) const {
    return {volumes_.origin_mm[0] + volumes_.step_mm * 0.5 * static_cast<double>(sizes_[0] - 1),
            volumes_.origin_mm[1] + volumes_.step_mm * 0.5 * static_cast<double>(sizes_[1] - 1), z_mm};
  }

 private:
  int64_t index(int64_t x, int64_t y, int64_t z) const { return (z * sizes_[1] + y) * sizes_[0] + x; }
  const BrainVolumes& volumes_;
  std::array<int64_t, 3> sizes_;
  const float* intensity_;
  const uint8_t* places_;
};

double smooth_step(double x) {
  x = std::clamp(x, 0.0, 1.0);
  return x * x * (3 - 2 * x);
}

}  // namespace

// Note [The warp does not fold]: each axis is shifted by three waves of 70 mm or more, at most warp_mm together, so that a shift changes by
// at most g = warp_mm 2 pi / 70 a millimetre. The Jacobian of the three shifts then has a Frobenius norm of at most sqrt(3) g, which is
// below 1 for warp_mm up to 6: points that differ stay apart.
CutSlice cut_slice(const BrainVolumes& volumes, const BrainCaseOptions& options, double z_mm, Random& random) {
  constexpr double kShortest = 70, kLongest = 140;
  const Sampler sampler(volumes);
  const Pose pose(random);
  const std::array<Waves, 3> warp{Waves(options.warp_mm, kShortest, kLongest, random), Waves(options.warp_mm, kShortest, kLongest, random),
                                  Waves(options.warp_mm, kShortest, kLongest, random)};
  const Point3 middle = sampler.middle(z_mm);
  const int64_t n = options.pixels;
  const double half = 0.5 * static_cast<double>(n - 1),
               to_right = options.view == SliceView::neurological ? 1 : -1;  // columns to the patient's right
  CutSlice slice{at::empty({n, n}, at::kFloat), at::empty({n, n}, at::kByte)};
  auto* image = slice.image.mutable_data_ptr<float>();
  auto* places = slice.places.mutable_data_ptr<uint8_t>();
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < n; ++column) {
      const Point3 there{middle[0] + to_right * options.pixel_mm * (static_cast<double>(column) - half),
                         middle[1] - options.pixel_mm * (static_cast<double>(row) - half), z_mm};
      Point3 from = pose(there, middle);
      const Point3 moved{warp[0].at(from), warp[1].at(from), warp[2].at(from)};
      for (size_t axis = 0; axis < 3; ++axis) from[axis] += moved[axis];
      std::tie(*image++, *places++) = sampler.at(from);
    }
  return slice;
}

double lesion_radius_mm(LesionKind kind, Random& random) {
  return kind == LesionKind::malignant ? random.uniform(8.0, 11.0) : random.uniform(6.0, 9.0);
}

Tensor draw_lesion(Tensor& image, LesionKind kind, double row, double column, double radius_mm, double pixel_mm, Random& random) {
  const int64_t height = image.size(0), width = image.size(1);
  Tensor mask = at::zeros({height, width}, at::kBool);
  const double stretch = random.uniform(0.8, 1.25), tilt = random.uniform(0, kTurn),
               ragged = kind == LesionKind::malignant ? random.uniform(0.12, 0.22) : 0.0;
  const double phase3 = random.uniform(0, kTurn), phase5 = random.uniform(0, kTurn), tone = random.uniform(-0.06, 0.06);
  constexpr double kHaloMm = 8, kCore = 0.55, kEdgeMm = 2.5;
  for (int64_t r = 0; r < height; ++r)
    for (int64_t c = 0; c < width; ++c) {
      const double y = (static_cast<double>(r) - row) * pixel_mm, x = (static_cast<double>(c) - column) * pixel_mm;
      const double u = (std::cos(tilt) * x + std::sin(tilt) * y) * stretch, v = (-std::sin(tilt) * x + std::cos(tilt) * y) / stretch,
                   angle = std::atan2(v, u);
      const double outline = radius_mm * (1 + ragged * (std::sin(3 * angle + phase3) + 0.6 * std::sin(5 * angle + phase5)));
      const double distance = std::hypot(u, v), inside = smooth_step((outline - distance) / kEdgeMm + 0.5);
      float& pixel = image.mutable_data_ptr<float>()[r * width + c];
      double look = 1.2 + tone;  // benign: bright
      if (kind == LesionKind::cystic) look = 0.12 + tone;
      if (kind == LesionKind::malignant) {
        const double core = smooth_step((kCore * outline - distance) / kEdgeMm + 0.5);
        look = (1 - core) * (1.2 + tone) + core * (0.3 + tone);
        const double halo = 0.6 * smooth_step((outline + kHaloMm - distance) / kHaloMm);
        pixel = static_cast<float>((1 - halo) * pixel + halo * std::min(0.5, static_cast<double>(pixel)));
      }
      pixel = static_cast<float>((1 - inside) * pixel + inside * look);
      mask.mutable_data_ptr<bool>()[r * width + c] = distance <= outline;
    }
  return mask;
}

void expose(Tensor& image, const BrainCaseOptions& options, Random& random) {
  const Waves bias(0.3, 150, 300, random);
  const double gamma = random.uniform(0.85, 1.2), gain = random.uniform(0.9, 1.1);
  auto* pixel = image.mutable_data_ptr<float>();
  for (int64_t row = 0; row < image.size(0); ++row)
    for (int64_t column = 0; column < image.size(1); ++column, ++pixel) {
      const Point3 mm{options.pixel_mm * static_cast<double>(column), options.pixel_mm * static_cast<double>(row), 0};
      *pixel = static_cast<float>(gain * std::exp(bias.at(mm)) * std::pow(std::max(static_cast<double>(*pixel), 0.0), gamma) +
                                  options.noise * random.normal());
    }
}

}  // namespace alloy::detail
