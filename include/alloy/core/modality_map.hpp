// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small map from modality names to values that keeps the order of insertion. Modalities are few, so a search is a
/// scan; a name that is missing is reported together with the names that are there.

#include <alloy/core/check.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alloy {

template <class T>
class ModalityMap {
 public:
  using value_type = std::pair<std::string, T>;

  ModalityMap() = default;
  ModalityMap(std::initializer_list<value_type> items) {
    for (const auto& [name, value] : items) insert(name, value);
  }

  /// @throws ConfigError if the name is there already
  void insert(std::string name, T value) {
    check<ConfigError>(!contains(name), "[ModalityMap] expected each modality once, got '{}' twice", {name});
    items_.emplace_back(std::move(name), std::move(value));
  }
  /// The value of a name; made with T() when it is not there yet.
  T& operator[](std::string_view name) {
    if (T* found = find(name)) return *found;
    return items_.emplace_back(std::string(name), T()).second;
  }
  /// @throws ConfigError that lists the names that are there
  const T& at(std::string_view name) const {
    const T* found = find(name);
    check<ConfigError>(found != nullptr, "[ModalityMap] expected modality '{}', got only: {}", {name, names()});
    return *found;
  }
  T& at(std::string_view name) { return const_cast<T&>(std::as_const(*this).at(name)); }
  const T* find(std::string_view name) const {
    for (const auto& item : items_)
      if (item.first == name) return &item.second;
    return nullptr;
  }
  T* find(std::string_view name) { return const_cast<T*>(std::as_const(*this).find(name)); }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  void erase(std::string_view name) {
    std::erase_if(items_, [&](const value_type& item) { return item.first == name; });
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& item : items_) result.push_back(item.first);
    return result;
  }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }

 private:
  std::vector<value_type> items_;
};

}  // namespace alloy
