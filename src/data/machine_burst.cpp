// SPDX-License-Identifier: Apache-2.0
#include "data/detail/machine_burst.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

namespace alloy::detail {

namespace {

constexpr double kTurn = 2 * std::numbers::pi;

// Amplitudes in m/s^2 at full speed and load: of a sound machine, and what a fault of severity 1 adds.
constexpr std::array<double, 8> kSound = {0.6, 0.22, 0.10, 0.08, 0.065, 0.05, 0.04, 0.03};  // at 1 to 8 times the shaft's rate
constexpr double kNoise = 0.15, kMesh = 0.25, kMeshDepth = 0.15, kImpacts = 0.05;
constexpr double kImbalance = 1.1;
constexpr std::array<double, 3> kMisaligned = {0.2, 0.55, 0.2};
constexpr double kLoose = 0.13, kLooseHalf = 0.16;
constexpr double kPit = 1.3, kLoadZone = 0.6;
constexpr double kWornMesh = 0.35, kWornDepth = 0.6;
constexpr double kFriction = 0.22, kVapour = 0.32;

/// Adds amplitude * cos(2 pi hz t + phase). By rotating sixteen phasors at a time: the inner loop has no dependence and becomes vector code.
void add_sine(double hz, double amplitude, Random& random, std::span<float, kBurstSamples> out) {
  constexpr size_t kLanes = 16;
  static_assert(kBurstSamples % kLanes == 0);
  const double phase = kTurn * random.uniform(), step = kTurn * hz / kBurstRateHz;
  std::array<float, kLanes> real, imaginary;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    real[lane] = static_cast<float>(amplitude * std::cos(phase + step * static_cast<double>(lane)));
    imaginary[lane] = static_cast<float>(amplitude * std::sin(phase + step * static_cast<double>(lane)));
  }
  const auto c = static_cast<float>(std::cos(step * kLanes)), s = static_cast<float>(std::sin(step * kLanes));
  for (size_t at = 0; at < out.size(); at += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      out[at + lane] += real[lane];
      const float turned = real[lane] * c - imaginary[lane] * s;
      imaginary[lane] = real[lane] * s + imaginary[lane] * c;
      real[lane] = turned;
    }
}

/// Near-Gaussian of variance 1: the sum of the four 16-bit pieces of one random number.
float noise(Random& random) {
  constexpr double kMean = 4 * 32767.5, kStd = 37837.2;
  uint64_t bits = random.next(), sum = 0;
  for (int i = 0; i < 4; ++i, bits >>= 16) sum += bits & 0xffff;
  return static_cast<float>((static_cast<double>(sum) - kMean) / kStd);
}

/// White noise, and friction above it, which grows with frequency.
void add_noise(double white, double friction, Random& random, std::span<float, kBurstSamples> out) {
  float before = noise(random);
  for (float& x : out) {
    const float now = noise(random);
    x += static_cast<float>(white) * now + static_cast<float>(friction * std::numbers::sqrt2 / 2) * (now - before);
    before = now;
  }
}

/// Vapour that collapses: noise around 420 Hz, on and off every few hundredths of a second.
void add_vapour(double level, Random& random, std::span<float, kBurstSamples> out) {
  constexpr double kRadius = 0.86, kHz = 420, kUnitLevel = 0.58;  // of a second-order resonance; kUnitLevel brings it to variance 1
  const double a1 = 2 * kRadius * std::cos(kTurn * kHz / kBurstRateHz), a2 = -kRadius * kRadius;
  double y1 = 0, y2 = 0, strength = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % 64 == 0) strength = random.uniform(0.3, 1.7);
    const double y = noise(random) + a1 * y1 + a2 * y2;
    y2 = y1, y1 = y;
    out[i] += static_cast<float>(level * kUnitLevel * strength * y);
  }
}

/// Balls that pass a pit, each time a bit early or late for slip, and ring at a resonance.
void add_impacts(const MachineDesign& design, double shaft_hz, double amplitude, Random& random, std::span<float, kBurstSamples> out) {
  constexpr double kDecay = 0.004;
  constexpr size_t kRing = 48;
  const double period = kBurstRateHz / (design.bearing_ratio * shaft_hz), zone = kTurn * random.uniform();
  const std::complex<double> swing = std::complex<double>(-1 / kDecay, kTurn * design.resonance_hz) / kBurstRateHz,
                             step = std::exp(swing);  // a sample
  for (double at = period * random.uniform(); at < static_cast<double>(kBurstSamples); at += period * (1 + 0.012 * random.normal())) {
    const double strength = amplitude * (1 + kLoadZone * std::cos(kTurn * shaft_hz * at / kBurstRateHz + zone)) * random.uniform(0.7, 1.3);
    const auto first = static_cast<size_t>(std::ceil(at));
    std::complex<double> ring = strength * std::exp(swing * (static_cast<double>(first) - at));
    for (size_t i = first; i < std::min(first + kRing, out.size()); ++i) {
      out[i] += static_cast<float>(ring.real());
      ring = {ring.real() * step.real() - ring.imag() * step.imag(), ring.real() * step.imag() + ring.imag() * step.real()};
    }
  }
}

}  // namespace

void fill_burst(const MachineDesign& design, const MachineCondition& condition, Random& random, std::span<float, kBurstSamples> out) {
  const double passes = design.bearing_ratio * design.shaft_hz * condition.speed;
  check<ConfigError>(passes > 0 && passes <= kBurstRateHz, "[vibration_burst] expected bearing_ratio * shaft_hz * speed above 0, to {} Hz, got {}",
                     {kBurstRateHz, passes});
  std::ranges::fill(out, 0.0F);
  const double f = design.shaft_hz * condition.speed, square = condition.speed * condition.speed, load = condition.load;
  const auto of = [&](MachineFault fault) { return condition.fault == fault ? std::max(condition.severity, 0.0) : 0.0; };
  const auto about = [&](double amplitude) { return design.gain * amplitude * (1 + 0.08 * random.normal()); };
  std::array<double, 8> orders = kSound;
  orders[0] = (kSound[0] * (0.8 + 0.2 * load) + kImbalance * of(MachineFault::imbalance)) * square;
  for (size_t i = 0; i < orders.size(); ++i) orders[i] += kLoose * of(MachineFault::looseness);
  for (size_t i = 0; i < kMisaligned.size(); ++i) orders[i] += kMisaligned[i] * of(MachineFault::misalignment) * (0.6 + 0.4 * load);
  for (size_t i = 0; i < orders.size(); ++i) add_sine(static_cast<double>(i + 1) * f, about(orders[i]), random, out);
  if (of(MachineFault::looseness) > 0)
    for (const double half : {0.5, 1.5, 2.5}) add_sine(half * f, about(kLooseHalf * of(MachineFault::looseness)), random, out);
  const double mesh = (kMesh + kWornMesh * of(MachineFault::gear_wear)) * (0.3 + 0.7 * load),
               depth = kMeshDepth + kWornDepth * of(MachineFault::gear_wear);
  const double mesh_hz = static_cast<double>(design.gear_teeth) * f;
  add_sine(mesh_hz, about(mesh), random, out);
  for (const double side : {-1.0, 1.0}) add_sine(mesh_hz + side * f, about(mesh * depth / 2), random, out);
  if (of(MachineFault::gear_wear) > 0)
    for (const double side : {-2.0, 2.0}) add_sine(mesh_hz + side * f, about(mesh * depth / 4), random, out);
  add_impacts(design, f, about(kImpacts + kPit * of(MachineFault::bearing_wear) * (0.4 + 0.6 * load)), random, out);
  add_noise(about(kNoise * (0.7 + 0.3 * load)), about(kFriction * of(MachineFault::lubrication_loss)), random, out);
  if (of(MachineFault::cavitation) > 0) add_vapour(about(kVapour * of(MachineFault::cavitation)), random, out);
}

}  // namespace alloy::detail
