// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How simulated technicians write.

#include <alloy/core/random.hpp>
#include <alloy/data/machine_simulator.hpp>

#include <string>
#include <vector>

namespace alloy::detail {

/// A person's way of writing, drawn once.
struct Technician {
  std::string mark;                                 ///< initials at the end, or nothing
  uint64_t taste = 0;                               ///< which phrases come first to this person
  double symptom = 0.5, cause = 0.5, repair = 0.5;  ///< 0..1, how likely each is mentioned
  double abbreviations = 0;                         ///< 0..1, of the words that have one
  double typing_errors = 0;                         ///< percent of the characters
  double asides = 0.1;                              ///< 0..1, parts that were looked at and were fine
  bool lower_case = false;
};
Technician draw_technician(Random& random);

std::string fault_entry(MachineFault fault, const Technician& by, Random& random);
/// Says that something was repaired, and not what.
std::string unspecific_entry(const Technician& by, Random& random);
/// Rounds, lubrication by plan, readings.
std::string routine_entry(const Technician& by, Random& random);

}  // namespace alloy::detail
