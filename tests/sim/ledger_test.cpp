// SPDX-License-Identifier: MIT
// Known faults are told from new differences, and none is hidden behind another.
#include "sim/ledger.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/pattern.h"
#include "sim/report.h"
#include "sim/sightings.h"
#include "sim/summary.h"
#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/sim/lying_subject.h"
#include "tests/sim/scenario_of.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

using nlohmann::json;
using tests::has;

using tests::scenario_of;

namespace {

const std::string project_ledger = std::string(SOURCE_DIR) + "/scenarios/known/ledger.json";

json an_entry() {
  return {{"id", "X1"},
          {"title", "clearing crashes"},
          {"subject", "liar"},
          {"since", "7.1"},
          {"request", {{"execute", "block-dirty-bitmap-clear"}, {"arguments", {{"name", "b*"}}}}},
          {"signal", "SIGSEGV"},
          {"right", "success"},
          {"source", "this test"},
          {"scenario", "story"}};
}

sim::Ledger ledger_of(const json& entry) {
  const tests::TempDir directory;
  std::ofstream(directory / "ledger.json") << json{{"faults", json::array({entry})}};
  return sim::Ledger::load(directory / "ledger.json");
}

/// What reading a ledger complains of.
std::string complaint(const std::string& text) {
  const tests::TempDir directory;
  const std::string path = directory / "ledger.json";
  std::ofstream(path) << text;
  try {
    sim::Ledger::load(path);
  } catch (const sim::UsageError& error) {
    return std::string(error.what()).substr(path.size());
  }
  return "nothing";
}

std::string complaint_about(const std::string& field, const json& value) {
  json entry = an_entry();
  entry[field] = value;
  return complaint(json{{"faults", json::array({entry})}}.dump());
}

constexpr const char* story_of_a_bitmap =
    "create TEST_DIR/PID-base 1M\n"
    "drive drive0 TEST_DIR/PID-base\n"
    "block-dirty-bitmap-add node=drive0 name=b\n"
    "block-dirty-bitmap-clear node=drive0 name=b\n"
    "io drive0 write -P 1 0 64K\n"
    "show dirty drive0 b\n";

/// Runs the story on the model and others, as far as they agree.
struct Played {
  Played(const std::vector<sim::Subject*>& others, const std::vector<sim::KnownFault>& known) {
    sim::Lockstep lockstep(others, &known);
    std::optional<sim::Difference> difference;
    for (const sim::Step& step : scenario.testcases[0].steps) {
      if ((difference = lockstep.step(step))) break;
    }
    if (difference) report = sim::difference_text(scenario, "t", *difference);
    result.testcases.push_back(
        {"t", std::move(difference), lockstep.sightings(), lockstep.departures()});
  }

  sim::Scenario scenario = scenario_of(story_of_a_bitmap);
  sim::ScenarioResult result;
  std::string report;  ///< empty: all agree
};

/// Dies in the second request: the clearing of the bitmap.
class Crasher {
 public:
  explicit Crasher(const std::string& name = "liar", int signal = SIGSEGV)
      : subject_(name, [this, signal](const std::string& kind, json&) {
          if (kind != "execute" || ++requests_ != 2) return;
          throw sim::SubjectCrash("liar ended (was killed by signal 11)", {signal, -1},
                                  R"({"execute":"block-dirty-bitmap-clear","arguments":)"
                                  R"({"name":"b","node":"drive0"}})");
        }) {}
  sim::Subject* subject() { return &subject_; }

 private:
  unsigned requests_ = 0;
  LyingSubject subject_;
};

/// Answers the clearing with something else.
LyingSubject refuser(const std::string& name) {
  auto requests = std::make_shared<unsigned>(0);
  return {name, [requests](const std::string& kind, json& answer) {
            if (kind != "execute" || ++*requests != 2) return;
            answer = {{"error", {{"class", "GenericError"}, {"desc", "No, thanks"}}}};
          }};
}

}  // namespace

TEST_CASE("patterns name what matters and leave the rest open") {
  CHECK(sim::matches(json::parse(R"({"a":[],"b":{"c":"x*z"}})"),
                     json::parse(R"({"a":[],"b":{"c":"xyz","d":1},"e":2})")));
  CHECK_FALSE(sim::matches(json::parse(R"({"a":[]})"), json::parse(R"({"a":["b"]})")));
  CHECK_FALSE(sim::matches(json::parse(R"({"a":1})"), json::parse("{}")));
  CHECK(sim::matches_text("a*b*", "a-b--b"));
  CHECK_FALSE(sim::matches_text("a*b", "a-b-"));
}

TEST_CASE("a known crash is a sighting, the subject leaves, the run goes on") {
  Crasher crasher;
  const Played played({crasher.subject()}, ledger_of(an_entry()).faults());
  CHECK(played.report.empty());
  const auto& sightings = played.result.testcases[0].sightings;
  REQUIRE(sightings.size() == 1);
  CHECK(sightings[0].left);
  CHECK(sim::sighting_text(played.scenario, "t", sightings[0]) ==
        "story:4: testcase \"t\": block-dirty-bitmap-clear node=drive0 name=b\n"
        "  liar: known divergence X1: clearing crashes (died of SIGSEGV)\n");
}

TEST_CASE("a crash that is in no entry is a difference") {
  for (json entry : {json(), an_entry()}) {
    std::vector<sim::KnownFault> known;
    Crasher crasher("liar", entry.is_null() ? SIGSEGV : SIGABRT);
    if (!entry.is_null()) known = ledger_of(entry).faults();
    const Played played({crasher.subject()}, known);
    INFO(played.report);
    CHECK(has(played.report, "story:4: testcase \"t\""));
    CHECK(has(played.report, "liar  | broke: liar ended (was killed by signal 11)"));
  }
}

TEST_CASE("the same crash of another subject or in another request is new") {
  Crasher other("other");
  CHECK_FALSE(Played({other.subject()}, ledger_of(an_entry()).faults()).report.empty());
  json entry = an_entry();
  entry["request"]["arguments"]["name"] = "c";
  Crasher crasher;
  CHECK_FALSE(Played({crasher.subject()}, ledger_of(entry).faults()).report.empty());
}

TEST_CASE("a known answer may leave the subject in step, and a later difference still counts") {
  json entry = an_entry();
  entry.erase("signal");
  entry["shows"] = {{"error", {{"desc", "No, *"}}}};
  entry["then"] = "goes on";
  LyingSubject liar = refuser("liar");
  const Played agreed({&liar}, ledger_of(entry).faults());
  CHECK(agreed.report.empty());
  CHECK_FALSE(agreed.result.testcases[0].sightings.at(0).left);
  LyingSubject worse("liar", [requests = 0u](const std::string& kind, json& answer) mutable {
    if (kind == "execute" && ++requests == 2) answer = {{"error", {{"desc", "No, never"}}}};
    if (kind == "dirty") answer["must"] = answer["may"] = json::array();
  });
  const Played differs({&worse}, ledger_of(entry).faults());
  CHECK(has(differs.report, "liar: under-dirty (data loss)"));
}

TEST_CASE("an entry may ask for what came before, in its order, and take any answer") {
  json entry = an_entry();
  for (const char* field : {"signal", "request"}) entry.erase(field);
  entry["step"] = "show *";
  entry["shows"] = nullptr;
  const auto is_known = [&](const std::vector<std::string>& after) {
    entry["after"] = after;
    LyingSubject liar("liar", [](const std::string& kind, json& answer) {
      if (kind == "dirty") answer["must"] = answer["may"] = json::array();
    });
    return Played({&liar}, ledger_of(entry).faults()).report.empty();
  };
  CHECK(is_known({}));
  CHECK(is_known({"drive *", "io * write*"}));
  CHECK_FALSE(is_known({"io * write*", "drive *"}));
  CHECK_FALSE(is_known({"io * discard*"}));
}

TEST_CASE("what a release does otherwise is told as a change") {
  json entry = an_entry();
  entry["change"] = true;
  const sim::Ledger ledger = ledger_of(entry);
  Crasher crasher;
  const Played crashed({crasher.subject()}, ledger.faults());
  sim::LedgerReport report(ledger.faults(), {});
  report.add(crashed.scenario, crashed.result);
  CHECK(report.text() == "known change X1 of liar: clearing crashes (1 testcase: story)\n");
}

TEST_CASE("who cannot do a step leaves, is named, and the others go on") {
  LyingSubject blind("blind", [](const std::string& kind, json&) {
    if (kind == "dirty") throw sim::CannotFollow("has no eyes");
  });
  LyingSubject honest("honest", [](const std::string&, json&) {});
  const Played played({&blind, &honest}, {});
  CHECK(played.report.empty());
  const std::vector<sim::Departure>& departures = played.result.testcases[0].departures;
  REQUIRE(departures.size() == 1);
  CHECK(departures[0].subject == "blind");
  const std::string line = sim::departure_text(played.scenario, "t", departures[0]);
  CHECK(line.find("testcase \"t\": blind is left out: has no eyes\n") != std::string::npos);
  sim::Summary summary({"model", "blind", "honest"});
  summary.add(played.scenario, played.result, sim::GoldenState::none);
  CHECK(summary.text().find("1 left out") != std::string::npos);
  CHECK(summary.all_agree());
}

TEST_CASE("two against one says who stands alone, whoever it is") {
  LyingSubject honest("honest", [](const std::string&, json&) {});
  LyingSubject lone = refuser("lone"), liar = refuser("liar"), same = refuser("same");
  CHECK(has(Played({&honest, &lone}, {}).report, "model and honest agree against lone\n"));
  const Played outvoted({&liar, &same}, {});
  INFO(outvoted.report);
  CHECK(has(outvoted.report, "liar and same agree against model\n"));
  CHECK(has(outvoted.report, "model: stands alone"));
  CHECK_FALSE(has(outvoted.report, "liar: different"));
  sim::Summary summary({"model", "liar", "same"});
  summary.add(outvoted.scenario, outvoted.result, sim::GoldenState::none);
  CHECK(has(summary.text(), "story     0 of 1 PASSED"));
}

TEST_CASE("camps compare another release as leniently as the run does") {
  const auto refusal = [](const char* text) {
    return json{{"error", {{"class", "GenericError"}, {"desc", text}}}};
  };
  const sim::Finding wrong{sim::Fault::different, "", "success", "a refusal"};
  const sim::Step step = scenario_of(story_of_a_bitmap).testcases[0].steps[3];
  sim::Difference difference{step,
                             {{"model", {{"return", json::object()}}, {}, {}},
                              {"engine", refusal("Words of 7.2"), {}, wrong},
                              {"qemu", refusal("Words of 9.0"), {}, wrong}}};
  CHECK_FALSE(sim::stands_alone(difference));
  difference.shown[2].profile = sim::Profile(sim::Version{9, 0, 0});
  CHECK(sim::stands_alone(difference) == 0u);
}

TEST_CASE("who breaks stands against those that agree") {
  LyingSubject honest("honest", [](const std::string&, json&) {});
  Crasher crasher;
  CHECK(has(Played({&honest, crasher.subject()}, {}).report,
            "model and honest agree against liar\n"));
}

TEST_CASE("versions say who has a fault") {
  json mended = an_entry();
  mended["fixed"] = "8.0";
  const sim::Ledger ledger = ledger_of(mended);
  CHECK(ledger.faults_of("liar", sim::Version{7, 0, 0}).empty());
  CHECK(ledger.faults_of("liar", sim::Version{7, 1, 0}).size() == 1);
  CHECK(ledger.faults_of("liar", sim::Version{7, 2, 22}).size() == 1);
  CHECK(ledger.faults_of("liar", sim::Version{8, 0, 0}).empty());
  CHECK(ledger.faults_of("liar", std::nullopt).size() == 1);
  CHECK(ledger.faults_of("other", std::nullopt).empty());
}

TEST_CASE("a fault whose scenario did not show it no longer occurs") {
  const sim::Ledger ledger = ledger_of(an_entry());
  const std::map<std::string, std::string> names{{"liar", "liar 9.0.0"}};
  LyingSubject honest("liar", [](const std::string&, json&) {});
  const Played well({&honest}, ledger.faults());
  sim::LedgerReport report(ledger.faults(), names);
  report.add(well.scenario, well.result);
  CHECK(report.text() == "X1 no longer occurs on liar 9.0.0: clearing crashes\n");
  Crasher crasher;
  const Played crashed({crasher.subject()}, ledger.faults());
  report.add(crashed.scenario, crashed.result);
  CHECK(report.text() ==
        "known divergence X1 of liar 9.0.0: clearing crashes (1 testcase: story)\n");
}

TEST_CASE("a fault that is seen again and again is told in full once, then counted") {
  const sim::Ledger ledger = ledger_of(an_entry());
  Crasher crasher;
  Played crashed({crasher.subject()}, ledger.faults());
  crashed.result.testcases.push_back(crashed.result.testcases.front());
  sim::LedgerReport report(ledger.faults(), {});
  CHECK(has(report.add(crashed.scenario, crashed.result), "liar: known divergence X1: clearing"));
  for (const char* name : {"again", "and/again", "once", "twice"}) {
    crashed.scenario.name = name;
    CHECK(report.add(crashed.scenario, crashed.result).empty());
  }
  CHECK(has(report.text(), "(10 testcases: story, again, and/again and 2 more scenarios)\n"));
}

TEST_CASE("a race that a scenario did not show may occur again") {
  json race = an_entry();
  race["race"] = true;
  const sim::Ledger ledger = ledger_of(race);
  LyingSubject honest("liar", [](const std::string&, json&) {});
  const Played well({&honest}, ledger.faults());
  sim::LedgerReport report(ledger.faults(), {{"liar", "liar 9.0.0"}});
  report.add(well.scenario, well.result);
  CHECK(report.text().empty());
  race["race"] = "often";
  CHECK(has(complaint(json{{"faults", json::array({race})}}.dump()), "true or false for \"race\""));
}

TEST_CASE("an entry that waits need not be recognisable, and then excuses nothing") {
  json entry = an_entry();
  for (const char* field : {"scenario", "request", "signal"}) entry.erase(field);
  CHECK(
      has(complaint(json{{"faults", json::array({entry})}}.dump()), "\"scenario\" and \"needs\""));
  entry["needs"] = "a time machine";
  Crasher crasher;
  CHECK_FALSE(Played({crasher.subject()}, ledger_of(entry).faults()).report.empty());
}

TEST_CASE("a malformed ledger is refused with its place") {
  CHECK(has(complaint("{"), ": expected JSON: "));
  CHECK(has(complaint("[]"), ": expected an object with a list of \"faults\""));
  CHECK(complaint_about("title", 3) == ": X1: expected a text for \"title\", found 3");
  CHECK(complaint_about("since", "seven") ==
        ": X1: expected a version such as 7.2 for \"since\", found \"seven\"");
  CHECK(has(complaint_about("signal", "SIGNIFICANT"), "X1: expected a signal such as SIGSEGV"));
  CHECK(has(complaint_about("shows", 1), "expected one of \"signal\" and \"shows\", found both"));
  CHECK(has(complaint_about("step", "x"), "expected one of \"request\" and \"step\", found both"));
  CHECK(has(complaint_about("needs", "x"), "expected one of \"scenario\" and \"needs\""));
  CHECK(has(complaint_about("then", "stays"), "expected \"leaves\" or \"goes on\""));
  CHECK(has(complaint_about("then", "goes on"), "of a subject that dies"));
  CHECK(has(complaint_about("after", "x"), "expected a list of texts for \"after\""));
  CHECK(has(complaint_about("change", "x"), "expected true or false for \"change\""));
  CHECK(has(complaint_about("colour", "red"), "expected no field \"colour\", found \"red\""));
  const json twice{{"faults", json::array({an_entry(), an_entry()})}};
  CHECK(complaint(twice.dump()) == ": X1: expected each id once");
}

TEST_CASE("every known fault has a scenario, or waits for a command that we do not have") {
  const sim::Ledger ledger = sim::Ledger::load(project_ledger);
  REQUIRE(ledger.faults().size() >= 6);
  for (const sim::KnownFault& fault : ledger.faults()) {
    INFO(fault.id);
    const std::string root = SOURCE_DIR;
    if (fault.needs.empty()) {
      CHECK(std::filesystem::exists(root + "/scenarios/" + fault.scenario + ".scenario"));
      CHECK(std::filesystem::exists(root + "/golden/" + fault.scenario + ".txt"));
      continue;
    }
    const std::string command = fault.needs.substr(0, fault.needs.find(' '));
    INFO("needs " << command);
    const json reply = sim::make_model_subject()->execute({{"execute", command}});
    CHECK(reply["error"]["class"] == "CommandNotFound");
  }
}
