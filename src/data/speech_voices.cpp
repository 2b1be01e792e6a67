// SPDX-License-Identifier: Apache-2.0
#include <alloy/data/spoken_sentences.hpp>

#include <algorithm>
#include <array>

namespace alloy {

namespace {

constexpr std::array kTraining{"en-us+adam",         "en-gb+Alex",   "en-us+Annie",      "en-gb-x-rp+belinda", "en-us+benjamin", "en-029+boris",
                               "en-us-nyc+caleb",    "en-us+david",  "en-gb+Denis",      "en-us+Diogo",        "en-gb-x-rp+ed",  "en-us+edward2",
                               "en-us-nyc+Henrique", "en-gb+iven2",  "en-us+john",       "en-029+kaukovalta",  "en-us+Lee",      "en-gb-x-rp+max",
                               "en-us+Michael",      "en-us+Nguyen", "en-gb+paul",       "en-us-nyc+rob",      "en-us+robert",   "en-gb+shelby",
                               "en-us+travis",       "en-us+anika",  "en-gb-x-rp+klatt", "en-us+klatt3",       "en-us+m1",       "en-gb+m3",
                               "en-us+m4",           "en-us-nyc+m5", "en-us+f1",         "en-029+croak"};
constexpr std::array kTest{"en-us+Andrea", "en-gb-scotland+linda",   "en-us+miguel", "en-gb-scotland+m7",     "en-us+klatt4", "en-gb-scotland+steph2",
                           "en-us+zac",    "en-gb-scotland+norbert", "en-us+quincy", "en-gb-scotland+grandma"};

std::vector<std::string> first_of(const auto& voices, size_t most) {
  return {voices.begin(), voices.begin() + static_cast<std::ptrdiff_t>(std::min(most, voices.size()))};
}

}  // namespace

std::vector<std::string> training_voices(size_t most) { return first_of(kTraining, most); }
std::vector<std::string> test_voices(size_t most) { return first_of(kTest, most); }

}  // namespace alloy
