// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/core/check.hpp>
#include <alloy/core/config.hpp>

namespace alloy::detail {

/// Counts steps that were not finite and says when there are too many: ten in a row, or more than 1 % of 1,000.
class NonFiniteGuard {
 public:
  explicit NonFiniteGuard(std::string where) : where_(std::move(where)) {}
  /// @throws DataError when there are too many
  void step(bool finite) {
    in_row_ = finite ? 0 : in_row_ + 1;
    if (++in_window_ > 1000) in_window_ = 1, skipped_in_window_ = 0;
    if (finite) return;
    ++skipped_;
    ++skipped_in_window_;
    check<DataError>(in_row_ < 10 && skipped_in_window_ <= 10,
                     "[{}] expected finite losses and gradients, got {} bad steps in a row and {} among the last {}; "
                     "lower the learning rate or look for NaN in the data", {where_, in_row_, skipped_in_window_, in_window_});
  }
  int64_t skipped() const { return skipped_; }

  Config state() const {
    return Config::object({{"skipped", Config(skipped_)}, {"in_row", Config(in_row_)}, {"in_window", Config(in_window_)}, {"skipped_in_window", Config(skipped_in_window_)}});
  }
  void load_state(const Config& state, const std::string& path) {
    skipped_ = state.at("skipped", path).as_int(path);
    in_row_ = state.at("in_row", path).as_int(path);
    in_window_ = state.at("in_window", path).as_int(path);
    skipped_in_window_ = state.at("skipped_in_window", path).as_int(path);
  }

 private:
  std::string where_;
  int64_t skipped_ = 0, in_row_ = 0, in_window_ = 0, skipped_in_window_ = 0;
};

}  // namespace alloy::detail
