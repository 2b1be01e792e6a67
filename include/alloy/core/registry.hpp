// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Modules by name, for configs and the command line; C++ code constructs modules directly. To make a type of yours known:
/// `encoder_registry().add<MyEncoderImpl>();`. Thread safe.

#include <alloy/core/encoder.hpp>
#include <alloy/core/fusion.hpp>

#include <map>
#include <mutex>
#include <optional>

namespace alloy {

template <class Base>
class Registry {
 public:
  struct Entry {
    std::vector<OptionInfo> options;
    std::optional<FusionStage> stage;  ///< fusions only
    std::function<Handle<Base>(const Config&, const std::string&)> create;
  };

  explicit Registry(std::string what) : what_(std::move(what)) {}

  /// @throws ConfigError if the name is taken
  template <std::derived_from<Base> Impl>
  void add(std::string name = Impl::kName) {
    Entry entry{.options = option_infos<typename Impl::Options>(), .stage = {}, .create = [](const Config& config, const std::string& path) {
      return Handle<Base>(Holder<Impl>(from_config<typename Impl::Options>(config, path)).ptr());
    }};
    if constexpr (requires { Impl::kStage; }) entry.stage = Impl::kStage;
    const std::scoped_lock lock(mutex_);
    check<ConfigError>(!entries_.contains(name), "[Registry] expected a new name for a {}, got '{}', which is taken", {what_, name});
    entries_.emplace(std::move(name), std::move(entry));
  }
  bool contains(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    return entries_.contains(name);
  }
  /// @param path  where the options stand in their config, for messages
  /// @throws ConfigError that lists the names known, or names the option that is wrong
  Handle<Base> create(const std::string& name, const Config& options = {}, const std::string& path = "") const {
    return entry(name).create(options, path);
  }
  Entry entry(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end())
      fail<ConfigError>("unknown {} '{}', known: {}", {what_, name, names_unlocked()});
    return found->second;
  }
  /// Sorted.
  std::vector<std::string> names() const {
    const std::scoped_lock lock(mutex_);
    return names_unlocked();
  }

 private:
  std::vector<std::string> names_unlocked() const {
    std::vector<std::string> result;
    for (const auto& item : entries_) result.push_back(item.first);
    return result;
  }
  std::string what_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

ALLOY_API Registry<Encoder>& encoder_registry();
ALLOY_API Registry<InputFusion>& input_fusion_registry();
ALLOY_API Registry<Fusion>& fusion_registry();
ALLOY_API Registry<DecisionFusion>& decision_fusion_registry();

}  // namespace alloy
