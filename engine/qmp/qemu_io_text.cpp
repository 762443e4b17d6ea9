// SPDX-License-Identifier: MIT
#include "engine/qmp/qemu_io_text.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "engine/error.h"

namespace engine::qmp {
namespace {

[[noreturn]] void not_a_number(const std::string& text) {
  throw Refusal("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- " +
                text);
}

/// The factor that a suffix stands for; none has the factor one.
std::uint64_t suffix_factor(const std::string& text, const char* suffix) {
  if (*suffix == '\0') return 1;
  constexpr std::string_view letters = "bkmgtpe";
  const auto letter = static_cast<char>(std::tolower(static_cast<unsigned char>(*suffix)));
  const std::size_t index = letters.find(letter);
  if (index == std::string_view::npos || suffix[1] != '\0') not_a_number(text);
  return std::uint64_t{1} << (10 * index);
}

/// How long it took and how fast that was; what took no time had no speed.
std::string speed_text(std::uint64_t length, double seconds) {
  if (seconds <= 0) return "00.00 sec (0 bytes/sec and 0.0000 ops/sec)";
  return fmt::format("{:05.2f} sec ({}/sec and {:.4f} ops/sec)", seconds,
                     size_text(static_cast<double>(length) / seconds), 1 / seconds);
}

}  // namespace

std::uint64_t parse_size(const std::string& text) {
  const bool starts_well = !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0;
  if (!starts_well) not_a_number(text);
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  char* end = nullptr;
  const std::uint64_t whole = std::strtoull(text.c_str(), &end, hexadecimal ? 16 : 10);
  double fraction = 0;
  if (*end == '.' && !hexadecimal) {
    fraction = std::strtod(end, &end);
    // Of bytes there are no fractions.
    if (*end == '\0') not_a_number(text);
  }
  const std::uint64_t factor = hexadecimal && *end != '\0' ? 0 : suffix_factor(text, end);
  if (factor == 0) not_a_number(text);
  constexpr std::uint64_t greatest = INT64_MAX;
  if (whole > greatest / factor) throw Refusal("Parsing error: argument too large -- " + text);
  return whole * factor +
         static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(factor)));
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
