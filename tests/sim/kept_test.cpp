// SPDX-License-Identifier: MIT
#include "sim/kept.h"

#include <rapidcheck.h>

#include "sim/sweep/power_cuts.h"
#include "tests/catch.h"

using sim::Fate;
using sim::Kept;
using sim::Unflushed;

namespace {

Unflushed write_of(std::uint64_t sectors) {
  return {Unflushed::Kind::write, "f", 0, sectors * 512};
}

std::vector<Fate> any_fates() {
  std::vector<Fate> fates(*rc::gen::inRange<std::size_t>(0, 9));
  for (Fate& fate : fates) {
    const int kind = *rc::gen::inRange(0, 3);
    fate.whole = kind == 0;
    if (kind == 1)
      fate.sectors =
          *rc::gen::container<std::set<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 12));
  }
  return fates;
}

std::string value_of(const Kept& kept) {
  const std::string option = kept.option();
  return option.substr(option.find('=') + 1);
}

std::vector<std::string> texts(const std::vector<Kept>& cuts) {
  std::vector<std::string> texts;
  for (const Kept& kept : cuts) texts.push_back(kept.option());
  return texts;
}

}  // namespace

TEST_CASE("what a power cut keeps is written as numbers and ranges, and read again") {
  CHECK(Kept().option().empty());
  CHECK(Kept::all().option() == "keep=all");
  CHECK(Kept::seeded(7).option() == "seed=7");
  CHECK(Kept::listed({{true, {}}, {}, {true, {}}, {true, {}}, {false, {0, 2, 3}}}).option() ==
        "keep=1,3-4,5.0,5.2-3");
  CHECK(rc::check([] {
    const Kept kept = Kept::listed(any_fates());
    if (kept != Kept()) RC_ASSERT(Kept::parse(value_of(kept)) == kept);
  }));
  for (const char* text : {"", "x", "0", "1,", ",1", "1..2", "2-1", "1-2.0", "1.", "-1", "1-",
                           "99999999999999999999", "some"}) {
    INFO(text);
    CHECK_FALSE(Kept::parse(text));
  }
}

TEST_CASE("each change has its fate") {
  const std::vector<Unflushed> changes{write_of(1), write_of(3), write_of(2)};
  CHECK(Kept().fates(changes) == std::vector<Fate>(3));
  CHECK(Kept::all().fates(changes) == std::vector<Fate>(3, Fate{true, {}}));
  CHECK(Kept::parse("2.1,3,9")->fates(changes) == std::vector<Fate>{{}, {false, {1}}, {true, {}}});
  CHECK(Kept::seeded(5).fates(changes) == Kept::seeded(5).fates(changes));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(Kept::listed(Kept::seeded(seed).fates(changes)).option());
  }
  CHECK(seen.size() > 10);
}

TEST_CASE("few unflushed changes have all combinations tried") {
  const std::vector<Unflushed> changes{write_of(1), write_of(2)};
  CHECK(texts(sim::sweep::power_cuts(changes, {64, 4, 1}, std::nullopt)) ==
        std::vector<std::string>{"", "keep=2", "keep=2.0", "keep=2.1", "keep=1", "keep=1,2.0",
                                 "keep=1,2.1"});
  CHECK(texts(sim::sweep::power_cuts(changes, {64, 4, 1}, 1)) ==
        std::vector<std::string>{"keep=2", "keep=2.0", "keep=2.1", "keep=1,2.0", "keep=1,2.1"});
  CHECK(sim::sweep::power_cuts({}, {64, 4, 1}, std::nullopt).empty());
}

TEST_CASE("of many unflushed changes some combinations are drawn, the same from the same seed") {
  const std::vector<Unflushed> changes(40, write_of(8));
  const auto cuts = texts(sim::sweep::power_cuts(changes, {64, 10, 3}, 39));
  CHECK(cuts.size() >= 5);
  CHECK(cuts.size() <= 11);
  CHECK(cuts.front() == "keep=40");
  CHECK(cuts == texts(sim::sweep::power_cuts(changes, {64, 10, 3}, 39)));
  CHECK(cuts != texts(sim::sweep::power_cuts(changes, {64, 10, 4}, 39)));
}
