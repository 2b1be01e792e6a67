// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Matchers for tensors, and the path of a fixture. Included by support/catch.hpp.

#include <filesystem>
#include <sstream>

namespace alloy_test {

/// Same shape and dtype, every value within `atol + rtol |expected|`; NaN equals nothing.
class AllClose final : public MatcherBase<at::Tensor> {
 public:
  explicit AllClose(at::Tensor expected, double atol = 1e-6, double rtol = 1e-5)
      : expected_(std::move(expected)), atol_(atol), rtol_(rtol) {}
  bool match(const at::Tensor& actual) const override {
    return actual.defined() && actual.sizes() == expected_.sizes() && actual.scalar_type() == expected_.scalar_type() &&
           at::allclose(actual, expected_, rtol_, atol_);
  }
  std::string describe() const override {
    std::ostringstream text;
    text << "is close to\n" << expected_;
    return text.str();
  }

 private:
  at::Tensor expected_;
  double atol_, rtol_;
};

/// Bitwise equal in shape, dtype and values.
class SameBits final : public MatcherBase<at::Tensor> {
 public:
  explicit SameBits(at::Tensor expected) : expected_(std::move(expected)) {}
  bool match(const at::Tensor& actual) const override {
    if (!actual.defined() || actual.sizes() != expected_.sizes() || actual.scalar_type() != expected_.scalar_type()) return false;
    if (actual.nbytes() == 0) return true;  // memcmp must not be given the null pointers of empty tensors
    return std::memcmp(actual.contiguous().const_data_ptr(), expected_.contiguous().const_data_ptr(), actual.nbytes()) == 0;
  }
  std::string describe() const override { return "has the same bits as the tensor expected"; }

 private:
  at::Tensor expected_;
};

inline std::filesystem::path fixture(const std::string& name) { return std::filesystem::path(ALLOY_TEST_FIXTURES) / name; }

/// A fresh folder for one test case, removed at its end.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "alloy-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace alloy_test

namespace Catch {
template <>
struct StringMaker<at::Tensor> {
  static std::string convert(const at::Tensor& tensor) {
    if (!tensor.defined()) return "(undefined tensor)";
    std::ostringstream text;
    text << tensor;
    return text.str();
  }
};
}  // namespace Catch
