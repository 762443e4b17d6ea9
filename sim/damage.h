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

/// What the step `damage FILE WHAT` can break in a qcow2 image, in the order of the manual
/// (scenarios/README.md): a field of the header, or the bitmaps of an image that holds some.
std::vector<std::string> damages();
/// Those of the bitmaps alone, and those of the header alone.
std::vector<std::string> bitmap_damages();
std::vector<std::string> header_damages();

/// How `what` is broken in an image of these bytes (S53, S55, M70); broken a second time it is
/// whole again, but for autoclear. Nothing if the image has no such thing, or is none at all.
std::optional<Patch> damage(std::span<const std::byte> image, const std::string& what);
/// What is answered then.
std::string nothing_to_damage(const std::string& what);

/// The same done to a file at rest. False if there was nothing to damage; throws SubjectFailure if
/// the file cannot be written.
bool damage_file(const std::string& path, const std::string& what);

}  // namespace sim
