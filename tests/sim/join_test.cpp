// SPDX-License-Identifier: MIT
#include "sim/join.h"

#include "sim/verdict.h"
#include "tests/catch.h"

using nlohmann::json;

namespace {

json parsed(const char* text) { return json::parse(text); }

}  // namespace

TEST_CASE("answers of several worlds stay whole") {
  CHECK(sim::joined({1, 1, 1}) == 1);
  CHECK(sim::joined({1, 2, 1}) == parsed(R"({"$one-of":[1,2]})"));
}

TEST_CASE("data of several worlds is mixed byte by byte, but disks have one length or another") {
  const json old = parsed("[[0,512,[1]],[512,512,[0]]]");
  CHECK(sim::joined_data({old, parsed("[[0,256,[1]],[256,768,[2]]]")}) ==
        parsed("[[0,256,[1]],[256,256,[1,2]],[512,512,[0,2]]]"));
  CHECK(sim::joined_data({old, parsed("[[0,768,[1]]]")}) ==
        parsed(R"({"$one-of":[[[0,512,[1]],[512,256,[0,1]],[768,256,[0]]],
                              [[0,512,[1]],[512,256,[0,1]]]]})"));
  CHECK(sim::joined_data({old, parsed(R"({"error":1})")}) ==
        parsed(R"({"$one-of":[[[0,512,[1]],[512,512,[0]]],{"error":1}]})"));
  CHECK(sim::joined_data({old, old}) == old);
}

TEST_CASE("a bitmap that is valid is not measured by a world where it is in use") {
  const json allowed = parsed(
      R"({"$one-of":[[{"name":"b","count":0,"inconsistent":true}],[{"name":"b","count":1024}]]})");
  CHECK_FALSE(sim::compare(allowed, allowed["$one-of"][0]));
  CHECK_FALSE(sim::compare(allowed, allowed["$one-of"][1]));
  const auto fewer = sim::compare(allowed, parsed(R"([{"name":"b","count":512}])"));
  REQUIRE(fewer);
  CHECK(fewer->fault == sim::Fault::under_dirty);
  CHECK(fewer->expected == "1024");
  CHECK(sim::compare(allowed, parsed(R"([{"name":"b","count":0}])"))->fault ==
        sim::Fault::under_dirty);
  CHECK(sim::compare(allowed, parsed(R"([{"name":"b","count":2048}])"))->fault ==
        sim::Fault::over_dirty);
  CHECK(sim::compare(allowed, json::array())->fault == sim::Fault::different);
}

TEST_CASE("dirty runs are those of one world or the other") {
  const json clean = parsed(R"({"must":[],"may":[]})");
  const json dirty = parsed(R"({"must":[[0,1024]],"may":[[0,1024]]})");
  const json allowed{{"$one-of", {clean, dirty}}};
  CHECK_FALSE(sim::compare_dirty(allowed, clean));
  CHECK_FALSE(sim::compare_dirty(allowed, dirty));
  const json half = parsed(R"({"must":[[0,512]],"may":[[0,512]]})");
  REQUIRE(sim::compare_dirty(allowed, half));
  CHECK(sim::compare_dirty(allowed, half)->fault == sim::Fault::under_dirty);
}
