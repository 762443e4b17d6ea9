// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace engine {

/// A size on a command line of QEMU's, or why it is none.
struct SizeArgument {
  enum class Fault { none, not_a_number, too_large };

  std::uint64_t bytes = 0;  ///< below 2^63
  Fault fault = Fault::none;
};

/// Reads a size as qemu-io and qemu-img do (M33): decimal, perhaps with a plus before it, a
/// fraction and one of the suffixes bkmgtpe in either case, each 1024 times the one before; or
/// hexadecimal with 0x. Of bytes there are no fractions. A hexadecimal number takes no suffix here,
/// where QEMU warns that it will not for long.
SizeArgument parse_size_argument(const std::string& text);

}  // namespace engine
