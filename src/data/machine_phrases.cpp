// SPDX-License-Identifier: Apache-2.0
#include "data/detail/machine_phrases.hpp"

#include <alloy/preprocess/text_noise.hpp>

#include <cctype>
#include <cmath>
#include <numeric>

namespace alloy::detail {

namespace {

using Phrases = std::vector<std::string_view>;

struct FaultPhrases {
  Phrases symptoms, causes, repairs;
};

const FaultPhrases& phrases_of(MachineFault fault) {
  static const std::array<FaultPhrases, 8> kPhrases = {{
      {.symptoms = {"whole frame sways with the shaft", "strong shaking at full speed", "operator reports swinging, worse the faster it runs",
                    "vibration high once per turn", "unit trembles, glass on the panel rattles"},
       .causes = {"rotor out of balance", "imbalance of the impeller", "product build-up on the blades", "balance weight was lost",
                  "deposits on the wheel, unbalanced"},
       .repairs = {"balanced the rotor in place", "cleaned blades and trimmed the weight", "fitted a new balance weight",
                   "impeller washed and balanced on the bench", "took the deposits off, runs true now"}},
      {.symptoms = {"coupling rumbles twice per turn", "axial pulsing at the drive end", "coupling guard warm, rubber dust below it",
                    "high axial vibration", "seal side moves back and forth"},
       .causes = {"coupling out of alignment", "shafts misaligned", "angular offset at the coupling", "soft foot pulled the motor off line",
                  "parallel offset after pipe strain"},
       .repairs = {"laser aligned motor to pump", "shimmed the motor feet and realigned", "aligned with dial gauges to 0.05",
                   "new coupling insert, alignment done", "released pipe strain and set the shafts in line"}},
      {.symptoms = {"clatter from the base", "rattling noise, comes and goes", "banging on the skid", "vibration with many peaks",
                    "pedestal jumps on the floor"},
       .causes = {"foot bolts loose", "hold-down bolts had come undone", "base plate had play", "bearing housing loose in its seat",
                  "cracked grout under the frame"},
       .repairs = {"tightened the anchor bolts", "torqued all feet", "new lock washers and torque check", "regrouted and bolted down",
                   "fixed the pedestal, play removed"}},
      {.symptoms = {"knocking from the non drive end", "growling sound at the shaft", "ticking, gets louder",
                    "sharp impacts on the shock pulse meter", "rough when turned by hand"},
       .causes = {"bearing worn", "outer race pitted", "spalling on the inner ring", "rolling element damaged", "bearing cage broken"},
       .repairs = {"replaced the bearing", "fitted a new 6312", "changed both roller bearings", "pressed on a new bearing",
                   "swapped the drive end bearing"}},
      {.symptoms = {"gearbox howls", "whining from the reducer, beating tone", "metal flakes on the magnet plug",
                    "singing noise in step with the load", "chatter in the gear case"},
       .causes = {"tooth flanks worn", "gear teeth chipped", "pinion pitted", "backlash far too big", "scuffing on the wheel"},
       .repairs = {"replaced the pinion", "new gear set installed", "adjusted backlash", "dressed the teeth", "exchanged the reducer"}},
      {.symptoms = {"squealing and hot to the touch at the housing", "hissing at the shaft, housing hot", "smell of burnt grease",
                    "shrill noise, temperature of bearing climbs", "housing discoloured"},
       .causes = {"ran dry", "grease hardened", "oil level below minimum", "lubricator was empty", "lubrication line blocked"},
       .repairs = {"regreased, 40 g", "topped up the oil", "flushed and filled with new lubricant", "changed the lubricator cartridge",
                   "cleared the lube line and greased"}},
      {.symptoms = {"motor winding hot", "thermal protection tripped", "overtemperature alarm", "hot air from the motor, cannot keep a hand on it",
                    "winding sensor at the limit"},
       .causes = {"fan cowl full of dust", "filter mat clogged", "cooling water valve was shut", "cooling fan broken", "heat exchanger fouled"},
       .repairs = {"blew out the cooling fins", "new filter mat", "opened the cooling water", "replaced the external fan", "cleaned the cooler"}},
      {.symptoms = {"sounds like gravel in the casing", "crackling, flow and current down", "pressure gauge flutters", "pump loses head, noisy",
                    "amps wavering"},
       .causes = {"suction strainer blocked", "air in the suction line", "suction valve half closed", "tank level too low, pump cavitates",
                  "vapour at the inlet"},
       .repairs = {"cleaned the strainer", "vented the suction line", "opened the suction valve fully", "raised the level in the tank",
                   "bled the pump and throttled the outlet"}},
  }};
  return kPhrases.at(static_cast<size_t>(fault));
}

const Phrases kUnspecific = {"fixed, running again",
                             "fault cleared",
                             "repaired, handed back to production",
                             "see work order",
                             "as discussed with shift lead, done",
                             "stopped, repaired, restarted",
                             "unit was down, ok now",
                             "problem solved",
                             "trouble again, sorted out",
                             "works again after repair"};
const Phrases kRoutine = {"round done, nothing to report",
                          "bearings quiet, oil level ok",
                          "greased per schedule",
                          "all readings normal",
                          "checked coupling guard and bolts, fine",
                          "temperatures normal, no leaks",
                          "filter mats inspected, still good",
                          "took oil sample",
                          "cleaned around the pump",
                          "vibration round, all green",
                          "lamp on the panel changed",
                          "gauge calibrated",
                          "visual check of gearbox, no finding",
                          "touched up the paint on the guard",
                          "strainer differential pressure normal",
                          "belt guard and labels checked",
                          "load change for production, no issue",
                          "shift handover, unit steady"};
/// About the part of each fault, in their order.
const Phrases kAsides = {"balance not touched",  "alignment verified ok", "bolts tight", "bearings checked, no finding",
                         "gear looked at, good", "oil level fine",        "cooling ok",  "strainer clean"};
const Phrases kOpenings = {"called out", "on request of operator", "found during round", "after trip", "planned stop"};

struct Short {
  std::string_view whole, brief;
};
constexpr std::array kShort = {
    Short{"bearing", "brg"},   Short{"bearings", "brgs"},    Short{"replaced", "repl"},  Short{"temperature", "temp"}, Short{"vibration", "vib"},
    Short{"coupling", "cplg"}, Short{"alignment", "algn"},   Short{"checked", "chkd"},   Short{"lubrication", "lub"},  Short{"pressure", "press"},
    Short{"gearbox", "gbx"},   Short{"tightened", "tightd"}, Short{"motor", "mtr"},      Short{"suction", "suct"},     Short{"cleaned", "clnd"},
    Short{"drive", "dr"},      Short{"imbalance", "imbal"},  Short{"balanced", "bal"},   Short{"lubricant", "lube"},   Short{"normal", "norm"},
    Short{"housing", "hsg"},   Short{"changed", "chgd"},     Short{"inspected", "insp"}, Short{"operator", "op"},      Short{"running", "rng"},
    Short{"repaired", "rep"},  Short{"strainer", "strnr"},   Short{"impeller", "imp"},   Short{"adjusted", "adj"},     Short{"cooling", "clg"}};

/// A phrase that comes readily to this person: each of a list in an order of taste, the earlier the likelier.
std::string_view pick(const Phrases& phrases, const Technician& by, Random& random) {
  const uint64_t list = std::accumulate(phrases.front().begin(), phrases.front().end(), uint64_t{7},
                                        [](uint64_t sum, char c) { return 31 * sum + static_cast<unsigned char>(c); });
  Random taste(mix_seed({by.taste, list}));
  const std::vector<int64_t> order = taste.permutation(static_cast<int64_t>(phrases.size()));
  const double u = random.uniform();
  const auto place = static_cast<size_t>(std::pow(u, 1.7) * static_cast<double>(phrases.size()));
  return phrases[static_cast<size_t>(order[place])];
}

std::string abbreviated(std::string_view text, double share, Random& random) {
  std::string out, word;
  const auto flush = [&] {
    for (const Short& known : kShort)
      if (word == known.whole && random.chance(share)) {
        word = known.brief;
        break;
      }
    out += word;
    word.clear();
  };
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += c;
    } else {
      flush();
      out += c;
    }
  }
  flush();
  return out;
}

/// Joins the parts, each a sentence or all in one line, and writes them as this person does.
std::string written(const std::vector<std::string>& parts, const Technician& by, Random& random) {
  const bool sentences = !by.lower_case && random.chance(0.7);
  std::string text;
  for (const std::string& part : parts) {
    std::string piece = abbreviated(part, by.abbreviations, random);
    if (sentences || (text.empty() && !by.lower_case)) piece[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(piece[0])));
    if (!text.empty()) text += sentences ? ". " : ", ";
    text += piece;
  }
  if (sentences) text += '.';
  if (by.typing_errors > 0) text = add_typing_errors(text, {.percent = by.typing_errors}, random);
  return by.mark.empty() ? text : text + " /" + by.mark;
}

}  // namespace

Technician draw_technician(Random& random) {
  Technician by;
  by.taste = random.next();
  if (random.chance(0.5)) by.mark = {static_cast<char>('A' + random.below(26)), static_cast<char>('A' + random.below(26))};
  by.symptom = random.uniform(0.2, 0.8);
  by.cause = random.uniform(0.3, 0.9);
  by.repair = random.uniform(0.3, 0.9);
  by.abbreviations = random.chance(0.5) ? random.uniform(0.4, 0.9) : 0;
  by.typing_errors = random.chance(0.6) ? random.uniform(0.5, 4) : 0;
  by.asides = random.uniform(0, 0.25);
  by.lower_case = random.chance(0.4);
  return by;
}

std::string fault_entry(MachineFault fault, const Technician& by, Random& random) {
  const FaultPhrases& phrases = phrases_of(fault);
  bool symptom = random.chance(by.symptom);
  const bool cause = random.chance(by.cause), repair = random.chance(by.repair);
  symptom = symptom || (!cause && !repair);
  std::vector<std::string> parts;
  if (random.chance(0.2)) parts.emplace_back(pick(kOpenings, by, random));
  if (symptom) parts.emplace_back(pick(phrases.symptoms, by, random));
  if (cause) parts.emplace_back(pick(phrases.causes, by, random));
  const std::string_view aside = pick(kAsides, by, random);
  if (random.chance(by.asides) && aside != kAsides[static_cast<size_t>(fault)]) parts.emplace_back(aside);
  if (repair) parts.emplace_back(pick(phrases.repairs, by, random));
  return written(parts, by, random);
}

std::string unspecific_entry(const Technician& by, Random& random) { return written({std::string(pick(kUnspecific, by, random))}, by, random); }

std::string routine_entry(const Technician& by, Random& random) {
  std::vector<std::string> parts{std::string(pick(kRoutine, by, random))};
  if (random.chance(0.4)) {
    const std::string_view more = pick(kRoutine, by, random);
    if (more != parts.front()) parts.emplace_back(more);
  }
  return written(parts, by, random);
}

}  // namespace alloy::detail
