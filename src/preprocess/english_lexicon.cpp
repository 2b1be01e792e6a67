// SPDX-License-Identifier: Apache-2.0
#include <alloy/preprocess/lexicon.hpp>

namespace alloy {

LexiconOptions english_lexicon() {
  return {.words = {
      {"zero", "Z IY R OW", ""}, {"one", "W AH N", ""}, {"two", "T UW", ""}, {"three", "TH R IY", ""}, {"four", "F AO R", ""},
      {"five", "F AY V", ""}, {"six", "S IH K S", ""}, {"seven", "S EH V AH N", ""}, {"eight", "EY T", ""}, {"nine", "N AY N", ""},
      {"ten", "T EH N", ""}, {"eleven", "IH L EH V AH N", ""}, {"twelve", "T W EH L V", ""}, {"thirteen", "TH ER T IY N", ""},
      {"fourteen", "F AO R T IY N", ""}, {"fifteen", "F IH F T IY N", ""}, {"sixteen", "S IH K S T IY N", ""},
      {"seventeen", "S EH V AH N T IY N", ""}, {"eighteen", "EY T IY N", ""}, {"nineteen", "N AY N T IY N", ""}, {"twenty", "T W EH N T IY", ""},
      {"thirty", "TH ER T IY", ""}, {"forty", "F AO R T IY", ""}, {"fifty", "F IH F T IY", ""}, {"sixty", "S IH K S T IY", ""},
      {"seventy", "S EH V AH N T IY", ""}, {"eighty", "EY T IY", ""}, {"ninety", "N AY N T IY", ""}, {"hundred", "HH AH N D R AH D", ""},
      {"thousand", "TH AW Z AH N D", ""}, {"a", "EY", "eigh"}, {"b", "B IY", "bee"}, {"c", "S IY", "see"}, {"d", "D IY", "dee"},
      {"e", "IY", "ee"}, {"f", "EH F", "ef"}, {"g", "JH IY", "gee"}, {"h", "EY CH", "aitch"}, {"i", "AY", "eye"}, {"j", "JH EY", "jay"},
      {"k", "K EY", "kay"}, {"l", "EH L", "ell"}, {"m", "EH M", "em"}, {"n", "EH N", "en"}, {"o", "OW", "oh"}, {"p", "P IY", "pea"},
      {"q", "K Y UW", "cue"}, {"r", "AA R", "are"}, {"s", "EH S", "ess"}, {"t", "T IY", "tea"}, {"u", "Y UW", "you"}, {"v", "V IY", "vee"},
      {"w", "D AH B AH L Y UW", "dubbleyou"}, {"x", "EH K S", "ex"}, {"y", "W AY", "why"}, {"z", "Z IY", "zee"}, {"monday", "M AH N D EY", ""},
      {"tuesday", "T UW Z D EY", ""}, {"wednesday", "W EH N Z D EY", ""}, {"thursday", "TH ER Z D EY", ""}, {"friday", "F R AY D EY", ""},
      {"saturday", "S AE T ER D EY", ""}, {"sunday", "S AH N D EY", ""}, {"january", "JH AE N Y UW EH R IY", ""},
      {"february", "F EH B R UW EH R IY", ""}, {"march", "M AA R CH", ""}, {"april", "EY P R AH L", ""}, {"may", "M EY", ""},
      {"june", "JH UW N", ""}, {"july", "JH UH L AY", ""}, {"august", "AO G AH S T", ""}, {"september", "S EH P T EH M B ER", ""},
      {"october", "AA K T OW B ER", ""}, {"november", "N OW V EH M B ER", ""}, {"december", "D IH S EH M B ER", ""}
  }};
}

}  // namespace alloy
