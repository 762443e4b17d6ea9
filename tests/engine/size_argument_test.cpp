// SPDX-License-Identifier: MIT
#include "engine/size_argument.h"

#include "tests/catch.h"

using engine::parse_size_argument;
using Fault = engine::SizeArgument::Fault;

// Every line was asked of qemu-io 7.2: `discard SIZE 0` tells the offset that it understood.
TEST_CASE("sizes are read as qemu-io reads them") {
  const std::pair<const char*, std::uint64_t> sizes[]{
      {"0", 0},
      {"08", 8},
      {"+5", 5},
      {"0x10", 16},
      {"0X1F", 31},
      {"5.", 5},
      {"5.0", 5},
      {"512.00000000000000000001", 512},
      {"1b", 1},
      {"1.k", 1024},
      {"0.3k", 307},
      {"1.5M", 1572864},
      {"1e", 1ull << 60},
      {"1.9999999999999999999k", 1024},
      {"9223372036854775807", 9223372036854775807},
      {"0x7fffffffffffffff", 9223372036854775807},
  };
  for (const auto& [text, bytes] : sizes) {
    CAPTURE(text);
    REQUIRE(parse_size_argument(text).fault == Fault::none);
    REQUIRE(parse_size_argument(text).bytes == bytes);
  }
}

TEST_CASE("what is no size, or too large a one, is told apart") {
  for (const char* text :
       {"", "x", "-1", "++5", ".5k", "5.5", "1.5b", "0.1b", "0.0000000000000000001", "1.1.1k",
        "1.5e1k", "1kk", "1 k", "0x", "0x1.8", "5.x", "18446744073709551616k"}) {
    CAPTURE(text);
    REQUIRE(parse_size_argument(text).fault == Fault::not_a_number);
  }
  for (const char* text : {"8E", "16E", "9223372036854775808", "0xffffffffffffffff",
                           "18446744073709551616", "9007199254740992k"}) {
    CAPTURE(text);
    REQUIRE(parse_size_argument(text).fault == Fault::too_large);
  }
}
