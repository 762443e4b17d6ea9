// SPDX-License-Identifier: MIT
#include "engine/qmp/qemu_io_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "engine/error.h"
#include "engine/size_argument.h"

namespace engine::qmp {
namespace {

/// How long it took and how fast that was; what took no time had no speed.
std::string speed_text(std::uint64_t length, double seconds) {
  if (seconds <= 0) return "00.00 sec (0 bytes/sec and 0.0000 ops/sec)";
  return fmt::format("{:05.2f} sec ({}/sec and {:.4f} ops/sec)", seconds,
                     size_text(static_cast<double>(length) / seconds), 1 / seconds);
}

}  // namespace

std::uint64_t parse_size(const std::string& text) {
  const SizeArgument size = parse_size_argument(text);
  if (size.fault == SizeArgument::Fault::none) return size.bytes;
  const bool too_large = size.fault == SizeArgument::Fault::too_large;
  throw Refusal("Parsing error: " +
                std::string(too_large ? "argument too large"
                                      : "non-numeric argument, or extraneous/unrecognized suffix") +
                " -- " + text);
}

std::byte parse_pattern(const std::string& text) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 0);
  if (text.empty() || *end != '\0' || value > 0xff) {
    throw Refusal(text + " is not a valid pattern byte");
  }
  return static_cast<std::byte>(value);
}

std::string size_text(double bytes) {
  constexpr std::array<const char*, 7> units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  const bool whole = bytes == std::floor(bytes);
  return whole ? std::to_string(static_cast<std::uint64_t>(bytes)) + " " + units[unit]
               : fmt::format("{:.3f} {}", bytes, units[unit]);
}

std::string report_text(const std::string& verb, std::uint64_t offset, std::uint64_t length,
                        io::Nanoseconds elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const std::string bytes = std::to_string(length);
  return verb + " " + bytes + "/" + bytes + " bytes at offset " + std::to_string(offset) + "\n" +
         size_text(static_cast<double>(length)) + ", 1 ops; " + speed_text(length, seconds) + "\n";
}

std::string dump_text(std::uint64_t offset, std::span<const std::byte> bytes) {
  constexpr std::size_t per_line = 16;
  std::string text;
  for (std::size_t start = 0; start < bytes.size(); start += per_line) {
    const auto line = bytes.subspan(start, std::min(per_line, bytes.size() - start));
    fmt::format_to(std::back_inserter(text), "{:08x}:  ", offset + start);
    for (const std::byte byte : line) {
      fmt::format_to(std::back_inserter(text), "{:02x} ", std::to_integer<unsigned>(byte));
    }
    text += ' ';
    for (const std::byte byte : line) {
      const int c = std::to_integer<int>(byte);
      text += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '.';
    }
    text += '\n';
  }
  return text;
}

}  // namespace engine::qmp
