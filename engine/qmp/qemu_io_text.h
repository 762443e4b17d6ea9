// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/io/runtime.h"

namespace engine::qmp {

/// Reads a number as qemu-io does: decimal or 0x hexadecimal, a fraction, a suffix b k M G T P E.
/// Throws Refusal with the line that qemu-io prints for anything else.
std::uint64_t parse_size(const std::string& text);

/// Reads a byte value, decimal or 0x hexadecimal. Throws Refusal like parse_size.
std::byte parse_pattern(const std::string& text);

/// "512 bytes", "64 KiB", "976.562 KiB".
std::string size_text(double bytes);

/// The two lines about a finished request: "wrote 512/512 bytes at offset 0", and how fast.
std::string report_text(const std::string& verb, std::uint64_t offset, std::uint64_t length,
                        io::Nanoseconds elapsed);

/// Lines of sixteen bytes in hexadecimal and as text, each with its offset.
std::string dump_text(std::uint64_t offset, std::span<const std::byte> bytes);

}  // namespace engine::qmp
