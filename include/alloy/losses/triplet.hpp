// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Triplet loss over a batch of pairs: a partner must be closer than any other row by a margin (Schroff et al. 2015; hardest
/// negatives: Faghri et al. 2018, "VSE++", eq. 6).

#include <alloy/core/options.hpp>
#include <alloy/losses/pair_info.hpp>

#include <array>

namespace alloy {

enum class Negatives {
  all,        ///< mean over all negatives
  hardest,    ///< the most similar one
  semi_hard,  ///< mean over those less similar than the positive, but within the margin
};
constexpr auto enum_names(Negatives) {
  return std::to_array<std::pair<Negatives, std::string_view>>({{Negatives::all, "all"}, {Negatives::hardest, "hardest"}, {Negatives::semi_hard, "semi_hard"}});
}

struct TripletOptions {
  double margin = 0.2;
  Negatives negatives = Negatives::hardest;
  static void describe(auto& self, auto&& field) {
    field("margin", self.margin, "> 0, in units of similarity");
    field("negatives", self.negatives, "which negatives of a row count");
  }
  ALLOY_API void validate() const;
};

/// Mean over both directions and all rows of max(0, margin + a_i . b_n - a_i . b_i) over the negatives n. Holds the B x B
/// matrix. @param a, b  [B, D], usually unit rows
ALLOY_API Tensor triplet_loss(const Tensor& a, const Tensor& b, const PairInfo& pairs = {}, const TripletOptions& options = {});

}  // namespace alloy
