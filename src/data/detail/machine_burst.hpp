// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The waveform behind alloy::vibration_burst, into memory of the caller.

#include <alloy/data/machine_simulator.hpp>

#include <span>

namespace alloy::detail {

void fill_burst(const MachineDesign& design, const MachineCondition& condition, Random& random, std::span<float, kBurstSamples> out);

}  // namespace alloy::detail
