// SPDX-License-Identifier: MIT
#include "sim/allowed.h"

#include "sim/verdict.h"
#include "tests/catch.h"

using nlohmann::json;
using sim::Allowed;

namespace {

json parsed(const char* text) { return json::parse(text); }

}  // namespace

TEST_CASE("what is allowed answers questions by name") {
  const json exact = parsed(R"({"a":[1,{"b":2}]})"), five = 5;
  CHECK(Allowed(exact).exact());
  CHECK(Allowed(exact).kind() == Allowed::Kind::exactly);
  const json between = Allowed::between(3, 5);
  CHECK(Allowed(between).kind() == Allowed::Kind::between);
  CHECK(Allowed(between).least() == 3);
  CHECK(Allowed(between).most() == 5);
  CHECK_FALSE(Allowed(json{{"a", {between}}}).exact());
  const json any = Allowed::any("nobody looked");
  CHECK(Allowed(any).anything());
  CHECK(Allowed(any).why() == "nobody looked");
  CHECK(Allowed(five).why().empty());
  // A program's own object is no set.
  CHECK(Allowed(parsed(R"({"any":true})")).kind() == Allowed::Kind::exactly);
  CHECK(Allowed(parsed(R"({"$between":[1,2],"more":1})")).kind() == Allowed::Kind::exactly);
}

TEST_CASE("of several answers each is told once, and sets within a set are unfolded") {
  CHECK(Allowed::one_of({1, 1, 1}) == 1);
  const json two = Allowed::one_of({1, 2, 1});
  CHECK(Allowed(two).alternatives().size() == 2);
  const json three = Allowed::one_of({two, 3});
  const auto all = Allowed(three).alternatives();
  REQUIRE(all.size() == 3);
  CHECK(all[2].said() == 3);
  // As the model may say it.
  const json nested = parsed(R"({"$one-of":[{"$one-of":[1,2]},{"$one-of":[2,null]}]})");
  CHECK(Allowed(nested).alternatives().size() == 4);
  CHECK(Allowed(nested).optional());
  CHECK_FALSE(Allowed(three).optional());
}

TEST_CASE("a set within a set is judged like any other") {
  const json nested = parsed(
      R"({"$one-of":["",{"$one-of":["read failed: Input/output error","Pattern failed"]}]})");
  CHECK_FALSE(sim::compare(nested, ""));
  CHECK_FALSE(sim::compare(nested, "Pattern failed"));
  CHECK(sim::compare(nested, "write failed"));
}

TEST_CASE("a change reaches each of several answers, and what is no answer stays") {
  const auto twice = [](const json& value) -> json { return value.get<int>() * 2; };
  CHECK(Allowed::changed(4, twice) == 8);
  CHECK(Allowed::changed(Allowed::one_of({1, 2}), twice) == Allowed::one_of({2, 4}));
  CHECK(Allowed::changed(Allowed::any("x"), twice) == Allowed::any("x"));
}

TEST_CASE("only the model says sets in the text of guest I/O") {
  CHECK(Allowed::said_in(R"({"$any":"x"})") == Allowed::any("x"));
  CHECK_FALSE(Allowed::said_in("read failed: Input/output error"));
  CHECK_FALSE(Allowed::said_in("{\"$any"));
  CHECK_FALSE(Allowed::said_in(R"({"$other":1})"));
}

TEST_CASE("a bitmap that is valid is not measured by a world where it is in use") {
  const json allowed = parsed(
      R"({"$one-of":[[{"name":"b","count":0,"inconsistent":true}],[{"name":"b","count":1024}]]})");
  CHECK_FALSE(sim::compare(allowed, Allowed(allowed).alternatives()[0].said()));
  CHECK_FALSE(sim::compare(allowed, Allowed(allowed).alternatives()[1].said()));
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
