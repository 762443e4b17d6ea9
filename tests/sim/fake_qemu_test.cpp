// SPDX-License-Identifier: MIT
// What is no QEMU ends in one clear line; what breaks, lies, hangs or dies in the middle is a
// result.
#include "tests/sim/fake_qemu.h"

#include <algorithm>
#include <fstream>

#include "tests/catch.h"
#include "tests/text.h"

namespace {

using tests::FakeQemus;
using tests::has;
using tests::ShellResult;

std::string replay(const std::string& qemu, const std::string& more) {
  return "replay --subject model,qemu --qemu '" + qemu + "' " + more + " " + tests::testcases;
}

/// One line that holds `message`, that status, no file left.
void is_refused(const FakeQemus& fakes, const std::string& arguments, const std::string& message,
                int status = 2) {
  const ShellResult result = fakes.run(arguments);
  INFO(arguments << "\n" << result.out);
  CHECK(result.status == status);
  CHECK(has(result.out, message));
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 1);
  CHECK(fakes.clean());
}

/// A script that notes itself and a process that it starts, does as it is told, and waits.
std::string hanging(const FakeQemus& fakes, const std::string& then) {
  const std::string pids = "'" + (fakes.directory() / "pids").string() + "'";
  return "#!/bin/sh\nsleep 1000 &\necho $$ $! > " + pids + "\n" + then + "\nwait\n";
}

/// Whether a process is gone, or waits only for somebody to take note of its end.
bool gone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return !(file >> number >> name >> state) || state == "Z";
}

/// Whether both processes of a hanging script are gone.
bool all_gone(const FakeQemus& fakes) {
  std::ifstream pids(fakes.directory() / "pids");
  pid_t script = 0, child = 0;
  return pids >> script >> child && gone(script) && gone(child);
}

/// A Python program that connects to the socket as a QEMU does.
std::string connecting(const std::string& then) {
  return "#!/usr/bin/env python3\n"
         "import socket, sys, time\n"
         "path = sys.argv[sys.argv.index('-qmp') + 1][len('unix:'):].split(',')[0]\n"
         "s = socket.socket(socket.AF_UNIX)\n"
         "s.connect(path)\n" +
         then;
}

}  // namespace

TEST_CASE("what cannot be started, or ends at once, is no QEMU") {
  const FakeQemus fakes;
  const std::string text = fakes.directory() / "text";
  std::ofstream(text) << "hello\n";
  is_refused(fakes, replay(text, ""), "text: cannot be started: Permission denied");
  is_refused(fakes, replay(fakes.directory().string(), ""), "cannot be started: is a directory");
  is_refused(fakes, replay("/nowhere/qemu", ""), "/nowhere/qemu: cannot be started: No such file");
  is_refused(fakes, replay("/bin/true", ""), "/bin/true: is no QEMU that runs");
  const std::string dies = fakes.script("dies", "#!/bin/sh\necho no\\\nbody >&2; exit 3\n");
  is_refused(fakes, replay(dies, ""), "(exited with status 3; its last words: nobody)");
}

TEST_CASE("a QEMU that keeps silent is waited for as long as --timeout says") {
  const FakeQemus fakes;
  const std::string hangs = fakes.script("hangs", hanging(fakes, ""));
  is_refused(fakes, replay(hangs, "--timeout 1"), "did not connect to its QMP socket within 1 s");
  CHECK(all_gone(fakes));
  const std::string silent = fakes.script("silent", connecting("time.sleep(1000)\n"));
  is_refused(fakes, replay(silent, "--timeout 4"), "did not greet on its QMP socket within 4 s");
}

TEST_CASE("rubbish on the socket is told as such") {
  const FakeQemus fakes;
  const std::string other = fakes.script("other", connecting("s.send(b'SSH-2.0\\r\\n')\n"
                                                             "time.sleep(1000)\n"));
  is_refused(fakes, replay(other, ""), "talks rubbish where QMP is expected: 'SSH-2.0?'");
  const std::string deep =
      fakes.script("deep", connecting("s.send(b'{\"return\": ' + b'[' * 100000 + b']' * 100000 + "
                                      "b'}\\n')\ntime.sleep(1000)\n"));
  is_refused(fakes, replay(deep, ""), "talks rubbish where QMP is expected: '{\"return\": [[");
  const std::string json = fakes.script("json", connecting("s.send(b'{\"return\": {}}\\n')\n"
                                                           "time.sleep(1000)\n"));
  is_refused(fakes, replay(json, ""), "json: did not greet as QMP does");
  const std::string closes = fakes.script("closes", connecting("s.close()\n"));
  is_refused(fakes, replay(closes, ""), "is no QEMU that runs: it ended before it greeted");
}

TEST_CASE("a QEMU that stops answering is a result, and is left out after some times") {
  const FakeQemus fakes;
  const std::string stops = fakes.between("stops", R"(
def request(line):
    if b"block-dirty-bitmap-add" in line: time.sleep(1000)
    return line
)");
  const ShellResult result =
      fakes.run(replay(stops, "--timeout 3 --jobs 1") + " '" + std::string(SOURCE_DIR) +
                "/scenarios/bitmaps/merge.scenario'");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(has(result.out, ": block-dirty-bitmap-add node=drive0 "));
  CHECK(has(result.out, "qemu  | broke: qemu did not answer block-dirty-bitmap-add within 3 s"));
  CHECK(has(result.out, "qemu is left out from here on: it hung 3 times"));
  CHECK(has(result.out, "2 scenarios"));
  CHECK(fakes.clean());
}

TEST_CASE("an interrupted run leaves neither processes nor files") {
  for (const auto& [signal, status] : {std::pair("INT", 130), {"TERM", 143}}) {
    const FakeQemus fakes;
    const std::string hangs =
        fakes.script("hangs", hanging(fakes, std::string("kill -") + signal + " $PPID"));
    is_refused(fakes, replay(hangs, ""), "interrupted by signal ", status);
    CHECK(all_gone(fakes));
  }
}

TEST_CASE("a QEMU that dies in the middle is a result") {
  const FakeQemus fakes;
  const std::string dies = fakes.between("dies", R"(
def request(line):
    if b"block-commit" in line: qemu.kill(); time.sleep(1000)
    return line
)");
  const ShellResult result = fakes.run(replay(dies, ""));
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(has(result.out, "block-commit"));
  CHECK(has(result.out, "qemu ended at {\"arguments\":"));
  CHECK(has(result.out, "exited with status 137"));
  CHECK(fakes.clean());
}

TEST_CASE("canary: one corrupted reply is told with subject, step and field") {
  const FakeQemus fakes;
  const std::string liar = fakes.between("liar", R"(
done = []
def reply(line):
    if b'"count": 131072' in line and not done:
        done.append(line)
        line = line.replace(b'"count": 131072', b'"count": 65536')
    return line
)");
  const ShellResult result =
      fakes.run("replay --subject model,engine,qemu --qemu '" + liar + "' " + tests::testcases);
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(has(result.out, "snapshot-commit.scenario:"));
  CHECK(has(result.out, "qemu: under-dirty (data loss) "));
  CHECK(has(result.out, "dirty-clusters: expected 2, found 1\n"));
  CHECK(has(result.out, "model and engine agree against qemu"));
}

TEST_CASE("another release is compared by error class and outcome") {
  const FakeQemus fakes;
  const std::string story_with_errors = "replay --subject model,qemu '" + std::string(SOURCE_DIR) +
                                        "/scenarios/bitmaps/recording.scenario' --qemu '";
  const std::string rewords = R"(
def reply(line):
    line = line.replace(b"Dirty bitmap '", b"There is no bitmap '")
)";
  const std::string claims = R"(
    import re
    line = re.sub(rb'"micro": \d+, "minor": \d+, "major": \d+', b'"micro": 0, "minor": 2, "major": 8', line)
)";
  const std::string classes = R"(
    line = line.replace(b'"class": "GenericError"', b'"class": "DeviceNotFound"')
)";
  const std::string back = "    return line\n";
  const auto run = [&](const std::string& name, const std::string& hooks) {
    return fakes.run(story_with_errors + fakes.between(name, hooks + back) + "'");
  };
  const ShellResult same = run("same", rewords);
  INFO(same.out);
  CHECK(same.status == 1);
  CHECK(has(same.out, "qemu: different error.desc"));
  const ShellResult other = run("other", rewords + claims);
  INFO(other.out);
  CHECK(other.status == 0);
  CHECK(has(other.out, "version 8.2.0"));
  CHECK(has(other.out, "compared by error class and outcome, without texts of errors"));
  const ShellResult wrong = run("wrong", rewords + claims + classes);
  INFO(wrong.out);
  CHECK(wrong.status == 1);
  CHECK(has(wrong.out, "qemu: different error.class"));
}
