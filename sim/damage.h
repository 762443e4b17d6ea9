// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sim {

/// Bytes that something writes into a file.
struct Patch {
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
};

/// What the step `damage FILE WHAT` can break in a qcow2 image that holds bitmaps, in the order of
/// the manual (scenarios/README.md).
std::vector<std::string> damages();

/// How `what` is broken in an image of these bytes (S53, S55); broken a second time it is whole
/// again, but for autoclear. Nothing if the image holds no bitmaps, or is none at all.
std::optional<Patch> damage(std::span<const std::byte> image, const std::string& what);
/// What is answered then.
constexpr const char* nothing_to_damage = "no bitmaps to damage";

/// The same done to a file at rest. False if there was nothing to damage; throws SubjectFailure if
/// the file cannot be written.
bool damage_file(const std::string& path, const std::string& what);

}  // namespace sim
