// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace engine {

/// QMP error classes (QAPI schema, type QapiErrorClass) that this engine gives.
enum class ErrorClass { generic, command_not_found, device_not_active, device_not_found };

/// The class as the wire spells it, e.g. "GenericError".
std::string_view to_string(ErrorClass error_class);

/// An outcome that the caller has to live with: a bad argument, a busy bitmap, a broken image, an
/// I/O error. Thrown anywhere in the engine, caught where a command, a request or a job ends and
/// nowhere else. what() is the text for the user, as real QEMU words it.
class Refusal : public std::runtime_error {
 public:
  explicit Refusal(const std::string& text, ErrorClass error_class = ErrorClass::generic)
      : std::runtime_error(text), error_class_(error_class) {}
  Refusal(const std::string& text, ErrorClass error_class, const std::string& hint)
      : std::runtime_error(text), error_class_(error_class), hint_(hint) {}

  ErrorClass error_class() const { return error_class_; }
  /// A line of advice that command lines show below the text and QMP leaves out; often empty.
  const std::string& hint() const { return hint_; }

 private:
  ErrorClass error_class_;
  std::string hint_;
};

/// An operation on storage or on a node that failed with an errno value. what() is
/// "PREFIX: strerror(code)", or strerror(code) alone where there is no prefix.
class IoError : public Refusal {
 public:
  explicit IoError(int code, const std::string& prefix = {});

  /// A positive errno value such as EIO, ENOSPC, EPERM.
  int code() const { return code_; }

 private:
  int code_;
};

/// A file that somebody else has open in a way that forbids this one. what() is "Failed to get LOCK
/// lock", where LOCK is "write" in quotes, perhaps after the word shared.
class LockConflict : public Refusal {
 public:
  LockConflict(const std::string& lock, const std::string& path);
};

/// strerror() without its locale and thread hazards, e.g. "No space left on device".
std::string errno_text(int code);

}  // namespace engine
