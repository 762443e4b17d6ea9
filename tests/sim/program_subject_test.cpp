// SPDX-License-Identifier: MIT
// Programs that speak QMP as subjects, and what is not compared with them.
#include <nlohmann/json.hpp>

#include "sim/profile/changes.h"
#include "sim/profile/profile.h"
#include "sim/subject_names.h"
#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/sim/fake_qemu.h"
#include "tests/text.h"

namespace {

using nlohmann::json;
using tests::FakeQemus;
using tests::has;
using tests::ShellResult;

constexpr const char* qemu = "qemu-system-x86_64 -M none -accel tcg -S -display none -nodefaults";
constexpr std::chrono::milliseconds limit{1000};

using Words = std::vector<std::string>;

sim::Step qmp_step() { return {1, "step", sim::QmpStep{}}; }
sim::Step io_step() { return {1, "step", sim::IoStep{}}; }
sim::Step info_step() { return {1, "step", sim::ShowStep{sim::Sight::info, "f", {}, "f"}}; }

/// Whether a subject of that version may show this.
bool may(const char* version, const sim::Step& step, const char* allowed, const char* seen) {
  const sim::Profile profile(sim::parse_version(version));
  return !sim::judge(step, json::parse(allowed), json::parse(seen), &profile);
}

}  // namespace

TEST_CASE("a list of subjects is parted at commas, but for a command") {
  CHECK(sim::split_subjects("model,qmp:/a b,command:x -o a,b") ==
        Words{"model", "qmp:/a b", "command:x -o a,b"});
  for (const char* wrong : {"", "model,", "models", "model,model", "qmp:", "command: "}) {
    INFO(wrong);
    if (std::string(wrong) == "model,") {
      CHECK(sim::split_subjects(wrong) == Words{"model"});
    } else {
      CHECK_THROWS_AS(sim::split_subjects(wrong), sim::UsageError);
    }
  }
}

TEST_CASE("a command is parted as sh does, and goes by its program") {
  const auto program = sim::program_of("command:/a/b 'c d' \"e'f\" g\\ h ''  i", limit);
  CHECK(program.name == "command:b");
  CHECK(program.command == Words{"/a/b", "c d", "e'f", "g h", "", "i"});
  CHECK_THROWS_AS(sim::program_of("command:a 'b", limit), sim::UsageError);
}

TEST_CASE("a started program is told its socket") {
  const auto plain = sim::program_of("command:a b", limit);
  CHECK(sim::command_with_socket(plain, "/s,t") ==
        Words{"a", "b", "-qmp", "unix:/s,,t,server=off"});
  const auto placed = sim::program_of("command:a --to={socket} b", limit);
  CHECK(sim::command_with_socket(placed, "/s,t") == Words{"a", "--to=/s,t", "b"});
}

TEST_CASE("a QEMU started by a command shows what the model allows") {
  const FakeQemus fakes;
  const ShellResult result =
      fakes.run("replay " + tests::testcases + " --subject 'model,command:" + qemu +
                " -chardev socket,id=c,path={socket} -mon chardev=c,mode=control'");
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, " command:qemu-system-x86_64  golden"));
  CHECK(fakes.clean());
}

TEST_CASE("a QEMU behind a socket is told to quit and met again") {
  const FakeQemus fakes;
  const std::string socket = fakes.directory() / "socket";
  const std::string loop =
      fakes.script("loop", "#!/bin/sh\nfor i in 1 2 3 4; do timeout 60 " + std::string(qemu) +
                               " -qmp unix:'" + socket + "',server=on,wait=off >&2; done\n");
  const std::string up =
      "'" + loop + "' >/dev/null 2>&1 & until test -S '" + socket + "'; do sleep 0.05; done; ";
  const ShellResult result = tests::shell(
      up + "BLOCKTWIN_ROOT='" + SOURCE_DIR + "' '" + BLOCKTWIN + "' replay " + tests::testcases +
      " --jobs 2 --subject 'model,qmp:" + socket + "'; status=$?; kill $!; exit $status");
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, "qmp:" + socket));
  CHECK(has(result.out, "1 scenario, 3 testcases: all agree"));
}

TEST_CASE("where nobody listens there is no subject") {
  const FakeQemus fakes;
  const ShellResult result =
      fakes.run("replay " + tests::testcases + " --subject model,qmp:/nowhere/socket");
  CHECK(result.status == 2);
  CHECK(has(result.out, "snapshot-commit.scenario:"));
  CHECK(
      has(result.out, ": qmp:/nowhere/socket: nobody listens there: No such file or directory\n"));
}

TEST_CASE("release 7.2 is compared to the letter") {
  const char* allowed = R"({"error": {"class": "GenericError", "desc": "No"}})";
  CHECK(may("7.2.22", qmp_step(), allowed, allowed));
  CHECK_FALSE(
      may("7.2.22", qmp_step(), allowed, R"({"error": {"class": "GenericError", "desc": "Na"}})"));
  CHECK_FALSE(may("7.2.0", info_step(), R"({"format": "raw"})", R"({"format": "raw", "new": 1})"));
  CHECK(sim::profile_of(json::parse(R"({"qemu": {"major": 7, "minor": 2, "micro": 5}})")).exact());
}

TEST_CASE("another release may word errors otherwise, but not refuse otherwise") {
  const char* allowed = R"({"error": {"class": "GenericError", "desc": "No"}})";
  for (const char* version : {"6.2", "8.2", "10.1.0"}) {
    INFO(version);
    CHECK(may(version, qmp_step(), allowed,
              R"({"error": {"class": "GenericError", "desc": "Never"}})"));
    CHECK_FALSE(may(version, qmp_step(), allowed,
                    R"({"error": {"class": "DeviceNotFound", "desc": "No"}})"));
    CHECK_FALSE(may(version, qmp_step(), allowed, R"({"return": {}})"));
    CHECK_FALSE(may(version, qmp_step(), R"({"return": {}})", allowed));
  }
}

TEST_CASE("another release may tell more, but not otherwise") {
  const char* allowed = R"({"return": [{"a": 1, "b": {"$one-of": [null, {"c": 2}]}}]})";
  CHECK(
      may("8.2", qmp_step(), allowed, R"({"return": [{"a": 1, "b": {"c": 2, "d": 3}, "e": 4}]})"));
  CHECK(may("8.2", qmp_step(), allowed, R"({"return": [{"a": 1, "e": 4}]})"));
  CHECK_FALSE(may("8.2", qmp_step(), allowed, R"({"return": [{"a": 2}]})"));
  CHECK_FALSE(may("8.2", qmp_step(), allowed, R"({"return": [{"b": null}]})"));
  CHECK_FALSE(may("8.2", qmp_step(), R"({"data": {"len": 0}})",
                  R"({"data": {"len": 0, "error": "Input/output error"}})"));
  CHECK(may("8.2", qmp_step(), R"({"data": {"error": "Input/output error"}})",
            R"({"data": {"error": "No space", "speed": 0}})"));
}

TEST_CASE("another release may word a failed request otherwise, but not fail otherwise") {
  CHECK(may("8.2", io_step(), R"("write failed: No")", R"("writing has failed")"));
  CHECK_FALSE(may("8.2", io_step(), R"("write failed: No")", R"("")"));
  CHECK_FALSE(may("8.2", io_step(), R"("")", R"("write failed: No")"));
  CHECK_FALSE(may("7.2.1", io_step(), R"("write failed: No")", R"("writing has failed")"));
}

TEST_CASE("a release whose words are known is compared to the letter, in those words") {
  const char* busy = R"({"error": {"class": "GenericError", "desc": "Device 'd' is in use"}})";
  const char* why =
      R"({"error": {"class": "GenericError", "desc": "Node 'n' is busy: it is a backing"}})";
  CHECK(may("10.0.13", qmp_step(), busy, why));
  CHECK_FALSE(may("7.2.22", qmp_step(), busy, why));
  CHECK_FALSE(may("10.0.13", qmp_step(), busy,
                  R"({"error": {"class": "GenericError", "desc": "Device 'e' is in use"}})"));
  CHECK_FALSE(may("11.1.3", io_step(), R"("write failed: No")", R"("writing has failed")"));
  CHECK_FALSE(may("11.1.3", qmp_step(), R"({"return": {}})", busy));
}

TEST_CASE("what stands for a text in the words of 7.2 is the same text in others") {
  const sim::Version newer{11, 1, 0}, older{10, 0, 0};
  const std::string readonly = "Bitmap 'a' is readonly and cannot be modified";
  CHECK(sim::changes::reword(newer, readonly,
                             "Cannot remove persistent bitmap 'a': no write access to node 'n'"));
  CHECK_FALSE(sim::changes::reword(
      newer, readonly, "Cannot remove persistent bitmap 'b': no write access to node 'n'"));
  CHECK(sim::changes::reword(newer, "No", "Error: No"));
  CHECK_FALSE(sim::changes::reword(older, "No", "Error: No"));
}

TEST_CASE("a known release tells the fields that it added, and no others") {
  const char* node = R"({"return": [{"node-name": "n"}]})";
  CHECK(may("10.0.13", qmp_step(), node, R"({"return": [{"node-name": "n", "active": true}]})"));
  CHECK_FALSE(may("10.0.13", qmp_step(), node, R"({"return": [{"node-name": "n", "limits": 1}]})"));
  CHECK(may("11.1.3", qmp_step(), node, R"({"return": [{"node-name": "n", "limits": 1}]})"));
  CHECK_FALSE(may("11.1.3", qmp_step(), node, R"({"return": [{"node-name": "n", "new": 1}]})"));
}

TEST_CASE("every leniency has a reason, and what tells no version gets them all") {
  const auto all = sim::leniencies_for(std::nullopt);
  CHECK(all.size() == sim::leniencies_for(sim::Version{8, 2, 0}).size());
  CHECK(sim::leniencies_for(sim::Version{10, 0, 13}).empty());
  for (const sim::Leniency& each : all) CHECK(std::string(each.reason).size() > 10);
  CHECK(sim::leniencies_for(sim::Version{7, 2, 22}).empty());
  CHECK_FALSE(sim::profile_of(json::object()).exact());
}
