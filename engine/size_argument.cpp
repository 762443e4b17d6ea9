// SPDX-License-Identifier: MIT
#include "engine/size_argument.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace engine {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Takes a point and the digits after it, if there are any. As in QEMU a fraction that floating
/// point rounds to one is lost.
double take_fraction(const char*& at) {
  const char* const start = at++;
  while (is_digit(*at)) ++at;
  const double fraction = std::strtod(("0" + std::string(start, at)).c_str(), nullptr);
  return fraction < 1 ? fraction : 0;
}

/// What a suffix stands for; none is one, an unknown one 0.
std::uint64_t factor_of(std::string_view suffix) {
  if (suffix.empty()) return 1;
  const auto letter = static_cast<char>(std::tolower(static_cast<unsigned char>(suffix[0])));
  const std::size_t power = std::string_view("bkmgtpe").find(letter);
  if (suffix.size() > 1 || power == std::string_view::npos) return 0;
  return std::uint64_t{1} << (10 * power);
}

}  // namespace

SizeArgument parse_size_argument(const std::string& text) {
  using Fault = SizeArgument::Fault;
  constexpr std::uint64_t greatest = std::numeric_limits<std::int64_t>::max();
  const char* start = text.c_str();
  if (*start == '+') ++start;
  if (!is_digit(*start)) return {0, Fault::not_a_number};
  const bool hexadecimal = start[0] == '0' && (start[1] == 'x' || start[1] == 'X');
  errno = 0;
  char* end = nullptr;
  const std::uint64_t whole = std::strtoull(start, &end, hexadecimal ? 16 : 10);
  // Beyond 64 bits whatever follows makes it malformed, even a suffix.
  if (errno == ERANGE) return {0, *end == '\0' ? Fault::too_large : Fault::not_a_number};
  if (hexadecimal && *end != '\0') return {0, Fault::not_a_number};
  const char* rest = end;
  const double fraction = *rest == '.' ? take_fraction(rest) : 0;
  const std::uint64_t factor = factor_of(rest);
  // Below 2^-64 there is no fraction to QEMU.
  const bool broken_bytes = factor == 1 && std::ldexp(fraction, 64) >= 1;
  if (factor == 0 || broken_bytes) return {0, Fault::not_a_number};
  if (whole > greatest / factor) return {0, Fault::too_large};
  const auto part = std::llround(fraction * static_cast<double>(factor));
  const std::uint64_t bytes = whole * factor + static_cast<std::uint64_t>(part);
  return bytes <= greatest ? SizeArgument{bytes} : SizeArgument{0, Fault::too_large};
}

}  // namespace engine
