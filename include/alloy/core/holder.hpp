// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How modules are made, passed and copied.
///
/// `Holder<FooImpl>` makes a module from its options in one readable call: `Foo({.dim = 128})`. It is a
/// `torch::nn::ModuleHolder`, so LibTorch's containers and `register_module` take it; copying a holder shares the module.
/// `Handle<Encoder>` holds any encoder: what composite modules take, made from a holder or a `shared_ptr`.

#include <alloy/core/options.hpp>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <memory>

namespace alloy {

/// What a module was made from, so that a model can be saved as config and copied.
struct ModuleRecord {
  std::string type;  ///< Impl::kName
  Config options;
  std::function<std::shared_ptr<torch::nn::Module>()> remake;  ///< a fresh module from the same options
};

/// Base of modules that remember what they were made from. A module made without a Holder remembers nothing.
class Recorded {
 public:
  virtual ~Recorded() = default;
  const ModuleRecord& record() const { return record_; }
  void set_record(ModuleRecord record) { record_ = std::move(record); }

 private:
  ModuleRecord record_;
};

namespace detail {
/// Copies parameters, buffers and training mode between two modules of the same structure.
ALLOY_API void copy_state(const torch::nn::Module& from, torch::nn::Module& to);
}  // namespace detail

template <class Impl>
class Holder : public torch::nn::ModuleHolder<Impl> {
  using Base = torch::nn::ModuleHolder<Impl>;

 public:
  using Options = typename Impl::Options;

  /// @throws ConfigError for options that `validate()` refuses
  Holder(Options options)  // NOLINT(google-explicit-constructor)
      : Base(make(std::move(options))) {}
  template <std::same_as<std::nullptr_t> Null>
  Holder(Null) : Base(nullptr) {}  // NOLINT(google-explicit-constructor): a member that is set later
  template <std::convertible_to<std::shared_ptr<Impl>> Pointer>
    requires(!std::same_as<Pointer, std::nullptr_t>)
  Holder(Pointer module) : Base(std::shared_ptr<Impl>(std::move(module))) {}  // NOLINT(google-explicit-constructor)

 private:
  static std::shared_ptr<Impl> make(Options options) {
    if constexpr (requires { options.validate(); }) options.validate();
    auto module = std::make_shared<Impl>(options);
    if constexpr (std::derived_from<Impl, Recorded>)
      module->set_record({Impl::kName, to_config(options), [options] { return Holder(options).ptr(); }});
    return module;
  }
};

/// Any module derived from Base; shares ownership.
template <class Base>
class Handle {
 public:
  Handle() = default;
  Handle(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  template <class Impl>
    requires std::derived_from<Impl, Base>
  Handle(std::shared_ptr<Impl> module) : module_(std::move(module)) {}  // NOLINT(google-explicit-constructor)
  template <class Impl>
    requires std::derived_from<Impl, Base>
  Handle(const torch::nn::ModuleHolder<Impl>& holder) : module_(holder.ptr()) {}  // NOLINT(google-explicit-constructor)

  Base* operator->() const { return module_.get(); }
  Base& operator*() const { return *module_; }
  const std::shared_ptr<Base>& ptr() const { return module_; }
  explicit operator bool() const { return module_ != nullptr; }

 private:
  std::shared_ptr<Base> module_;
};

/// A deep copy: a new module from the same options, then parameters, buffers and training mode.
template <class Impl>
Holder<Impl> clone(const Holder<Impl>& module) {
  Holder<Impl> copy(module->options());
  detail::copy_state(*module, *copy);
  return copy;
}
/// @throws ConfigError if the module was made without a Holder
template <class Base>
Handle<Base> clone(const Handle<Base>& module) {
  check<ConfigError>(module->record().remake != nullptr,
                     "[clone] expected a module made by its Holder, got {} made by make_shared; construct it by its holder",
                     {module->name()});
  Handle<Base> copy(std::dynamic_pointer_cast<Base>(module->record().remake()));
  detail::copy_state(*module, *copy);
  return copy;
}

}  // namespace alloy
