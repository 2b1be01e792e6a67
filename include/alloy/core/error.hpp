// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What alloy throws. Every message reads `[Where] expected <contract>, got <actual>` and, where there is one, the cure.
/// `std::bad_alloc` passes through unchanged.

#include <alloy/core/export.hpp>

#include <stdexcept>
#include <string>

namespace alloy {

/// Root of all errors of the library.
class ALLOY_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A tensor whose shape, dtype or device breaks a contract.
class ALLOY_API ShapeError : public Error {
 public:
  using Error::Error;
};

/// An option, a name or a combination of parts that cannot work.
class ALLOY_API ConfigError : public Error {
 public:
  using Error::Error;
};

/// Content that cannot be used: a damaged file, a sample without any modality, labels out of range.
class ALLOY_API DataError : public Error {
 public:
  using Error::Error;
};

/// The operating system refused: no such file, no space, no permission.
class ALLOY_API IoError : public Error {
 public:
  using Error::Error;
};

/// A server did not answer, or answered with an error.
class ALLOY_API NetworkError : public Error {
 public:
  using Error::Error;
};

/// A module (often the user's own) threw or broke its contract; names the module and nests the cause.
class ALLOY_API ModelError : public Error {
 public:
  using Error::Error;
};

/// The caller's cancel token was set.
class ALLOY_API CancelledError : public Error {
 public:
  using Error::Error;
};

/// The message of an error followed by those of the causes nested in it, joined by ": ".
ALLOY_API std::string full_message(const std::exception& error);

}  // namespace alloy
