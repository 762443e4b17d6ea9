// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "sim/disk.h"
#include "sim/subjects.h"
#include "tests/catch.h"

using nlohmann::json;

namespace {

/// The places that were written, in the order in which the writes took effect.
class Recorder : public sim::DiskWatcher {
 public:
  bool about_to(const sim::DiskOperation& operation) override {
    if (operation.kind == sim::DiskOperation::Kind::write) places.push_back(operation.offset);
    return true;
  }
  std::vector<std::uint64_t> places;
};

/// Three writes to an image whose clusters are all there, in flight together.
std::vector<std::uint64_t> order_under(std::uint64_t seed) {
  Recorder recorder;
  const sim::WatchedEngine watched = sim::make_watched_engine(recorder);
  sim::Subject& engine = *watched.subject;
  engine.create_image({{"file", "TEST_DIR/f"}, {"size", "1M"}, {"format", "qcow2"}});
  engine.add_drive({{"id", "d"}, {"file", "TEST_DIR/f"}, {"format", "qcow2"}});
  CHECK(engine.guest_io("d", "write 0 256K").empty());
  engine.schedule(seed);
  recorder.places.clear();
  for (const char* place : {"0", "64K", "128K"}) {
    CHECK(engine.guest_io("d", std::string("aio_write -P 1 ") + place + " 512").empty());
  }
  CHECK(recorder.places.empty());
  CHECK(engine.guest_io("d", "aio_flush").empty());
  return recorder.places;
}

}  // namespace

TEST_CASE("under a schedule requests are in flight together, and end as its seed has it") {
  std::set<std::vector<std::uint64_t>> orders;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const std::vector<std::uint64_t> order = order_under(seed);
    CHECK(order.size() == 3);
    CHECK(order == order_under(seed));
    orders.insert(order);
  }
  CHECK(orders.size() > 1);
}
