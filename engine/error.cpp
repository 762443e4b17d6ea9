// SPDX-License-Identifier: MIT
#include "engine/error.h"

#include <cstring>

#include "engine/check.h"

namespace engine {

std::string_view to_string(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::generic:
      return "GenericError";
    case ErrorClass::command_not_found:
      return "CommandNotFound";
    case ErrorClass::device_not_active:
      return "DeviceNotActive";
    case ErrorClass::device_not_found:
      return "DeviceNotFound";
  }
  INVARIANT(!"an ErrorClass of the enumeration");
  return {};
}

std::string errno_text(int code) {
  const char* text = strerrordesc_np(code);
  return text != nullptr ? text : "Unknown error " + std::to_string(code);
}

IoError::IoError(int code, const std::string& prefix)
    : Refusal(prefix.empty() ? errno_text(code) : prefix + ": " + errno_text(code)), code_(code) {
  INVARIANT(code > 0);
}

LockConflict::LockConflict(const std::string& lock, const std::string& path)
    : Refusal("Failed to get " + lock + " lock", ErrorClass::generic,
              "Is another process using the image [" + path + "]?") {}

}  // namespace engine
