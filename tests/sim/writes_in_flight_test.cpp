// SPDX-License-Identifier: MIT
#include "sim/writes_in_flight.h"

#include "tests/catch.h"

using sim::WritesInFlight;

TEST_CASE("beside a write in flight a guest reads, and writes other bytes of the node (M41)") {
  WritesInFlight writes;
  CHECK(writes.admits("d", "write 0 64K"));
  writes.note("d", "aio_read 0 64K");
  CHECK(writes.node() == "d");
  CHECK(writes.admits("d", "write 0 64K"));
  writes.note("d", "aio_write -P 5 64K 4K");
  writes.note("d", "aio_write -qP 7 1M 512 512");
  CHECK(writes.admits("d", "read 64K 4K"));
  CHECK(writes.admits("d", "aio_read 64K 4K"));
  CHECK_FALSE(writes.admits("d", "write 0 512"));
  CHECK_FALSE(writes.admits("d", "discard 0 512"));
  CHECK(writes.admits("d", "aio_write 0 64K"));
  CHECK_FALSE(writes.admits("d", "aio_write 0 65537"));
  CHECK_FALSE(writes.admits("d", "aio_write -P 64 67K 512 512 512"));
  CHECK(writes.admits("d", "aio_write 68K 1000"));
  CHECK_FALSE(writes.admits("d", "aio_write 0x100200 0x200"));
  CHECK(writes.admits("d", "aio_write 0x100400 0x200"));
  CHECK_FALSE(writes.admits("other", "aio_write 0 512"));
  CHECK_FALSE(writes.admits("d", "aio_write somewhere 512"));
  writes.clear();
  CHECK(writes.node().empty());
  CHECK(writes.admits("d", "write 64K 4K"));
}

TEST_CASE("beside a write that is not understood there is no other") {
  for (const char* line :
       {"aio_write -q 0 x", "aio_write", "aio_write -q", "aio_write -P", "aio_write -P 1 0"}) {
    CAPTURE(line);
    WritesInFlight writes;
    writes.note("d", line);
    CHECK_FALSE(writes.admits("d", "aio_write 1M 512"));
    CHECK(writes.admits("d", "read 1M 512"));
  }
}
