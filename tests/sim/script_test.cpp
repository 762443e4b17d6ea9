// SPDX-License-Identifier: MIT
#include "sim/script/script.h"

#include <rapidcheck.h>

#include <cerrno>

#include "sim/script/expand.h"
#include "tests/catch.h"

using namespace sim::script;
using sim::Step;

namespace {

std::string bare_word() {
  static const std::string letters = "abcXYZ019_/.:,+";
  std::string word;
  const int length = *rc::gen::inRange(1, 8);
  for (int i = 0; i < length; ++i) word.push_back(*rc::gen::elementOf(letters));
  return word;
}

std::string name() {
  static const std::string letters = "abcxyz_019";
  std::string word = "p";
  const int length = *rc::gen::inRange(0, 5);
  for (int i = 0; i < length; ++i) word.push_back(*rc::gen::elementOf(letters));
  return word;
}

std::string any_text() {
  static const std::string letters = "a b\"\\#=$\t{}[]é";
  std::string text;
  const int length = *rc::gen::inRange(0, 10);
  for (int i = 0; i < length; ++i) text.push_back(*rc::gen::elementOf(letters));
  const bool cut = text.find('\xa9') != std::string::npos || text.find('\xc3') != std::string::npos;
  return cut ? "é" : text;
}

Word word() {
  const std::string key = *rc::gen::inRange(0, 2) == 0 ? "" : name() + "-" + name();
  if (*rc::gen::inRange(0, 2) == 0) return {key, any_text(), true};
  if (!key.empty() && *rc::gen::inRange(0, 3) == 0) return {key, R"([{"a b": "]"}, 1])", false};
  return {key, bare_word(), false};
}

RawStep step() {
  RawStep step;
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    step.conditions.push_back({*rc::gen::inRange(0, 2) == 0, name(), bare_word() + "x"});
  }
  if (*rc::gen::inRange(0, 4) == 0) {
    step.cut = {{"", "power", false}, {"", "at", false}, {"", "3", false}, {"keep", "1,2", false}};
  } else {
    step.refusal = static_cast<sim::Refusal>(*rc::gen::inRange(0, 3));
  }
  if (*rc::gen::inRange(0, 4) == 0) {
    step.json = R"({"execute": "query-block", "arguments": {"a": "#}\"{"}})";
    return step;
  }
  step.words.push_back(
      {"", *rc::gen::elementOf(std::vector<std::string>{"io", "fail", "block-commit"}), false});
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) step.words.push_back(word());
  return step;
}

Line line(bool head) {
  Line line;
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      break;
    case 1:
      if (head) line.content = Params{{{name(), {bare_word(), any_text() == "" ? "" : "x y"}}}};
      break;
    case 2:
      if (head) line.content = Testcase{"t" + any_text(), {{name(), any_text()}}};
      break;
    case 3:
      if (head) line.content = Testcases{{name(), name()}};
      break;
    default:
      if (!head) line.content = step();
  }
  if (*rc::gen::inRange(0, 3) == 0) line.comment = " why " + bare_word();
  return line;
}

std::string error_of(const std::string& text) {
  try {
    const Script script = parse(text, "f");
    for (const Run& run : runs(script, "f")) steps(script, run);
  } catch (const ScriptError& error) {
    return error.what();
  }
  return "no error";
}

std::vector<Step> only_run(const std::string& text) {
  const Script script = parse(text, "f");
  return steps(script, runs(script, "f").front());
}

nlohmann::json request(const std::string& text) {
  return std::get<sim::QmpStep>(only_run(text).front().action).request;
}

}  // namespace

TEST_CASE("what is printed parses to the same script") {
  CHECK(rc::check([] {
    Script script;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) script.lines.push_back(line(true));
    for (int i = *rc::gen::inRange(0, 8); i > 0; --i) script.lines.push_back(line(false));
    // A comma parts the values of a parameter and cannot be in one.
    for (Line& each : script.lines) {
      if (auto* params = std::get_if<Params>(&each.content)) {
        for (std::string& value : params->values[0].second) std::erase(value, ',');
      }
    }
    const std::string text = print(script);
    RC_LOG() << text;
    RC_ASSERT(parse(text, "f") == script);
    RC_ASSERT(print(parse(text, "f")) == text);
  }));
}

TEST_CASE("a malformed script is told with its line and what was expected") {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"frobnicate drive0\n",
       "f:1: expected a step (create, drive, unplug, io, wait, run, settle, schedule, damage, "
       "fail, foreign, show, print, restart, kill, power, or a QMP command with key=value "
       "arguments), found 'frobnicate'"},
      {"\n\nio drive0\n",
       "f:3: expected a qemu-io command such as write 0 64K, found the end of the line"},
      {"print \"open\n", "f:1: expected a closing \", found the end of the line"},
      {"print \"a\\n\"\n", "f:1: expected \\\" or \\\\ in a quoted word, found \\n"},
      {"print \"a\"b\n", "f:1: expected a blank after the closing quote or bracket, found b"},
      {"print a b\n", "f:1: expected the end of the line, found 'b'"},
      {"{\"execute\": \n", "f:1: expected a closing bracket, found the end of the line"},
      {"{\"execute\": nope}\n", "f:1: expected a JSON object, found a mistake at character 14"},
      {"{\"exec\": 1}\n", "f:1: expected {\"execute\": …}, found an object without it"},
      {"block-commit drive0\n", "f:1: expected KEY=VALUE after a QMP command, found 'drive0'"},
      {"block-commit a=1 a=2\n", "f:1: expected each key once, found 'a' again"},
      {"block-commit a=1 a.b=2\n", "f:1: expected one kind of value for each key, found 'a.b'"},
      {"block-commit a=[1\n", "f:1: expected a closing bracket, found the end of the line"},
      {"block-commit a=[x]\n", "f:1: expected JSON after a=, found '[x]'"},
      {"create TEST_DIR/F\n", "f:1: expected a SIZE, found the end of the line"},
      {"create TEST_DIR/F 1M bogus=1\n",
       "f:1: expected an option (format, cluster_size, compat, refcount_bits, backing_file, "
       "backing_fmt), found 'bogus'"},
      {"drive d TEST_DIR/F format=raw format=raw\n",
       "f:1: expected each option once, found 'format' again"},
      {"run x\n", "f:1: expected a number of events, found 'x'"},
      {"show nothing d\n",
       "f:1: expected bitmap, bitmaps, dirty, data, info, check or keepsakes after show, found "
       "'nothing'"},
      {"show dirty d\n", "f:1: expected the NAME of a bitmap, found the end of the line"},
      {"fail TEST_DIR/F\n", "f:1: expected read, write, flush or off, found the end of the line"},
      {"fail TEST_DIR/F erase\n", "f:1: expected read, write, flush or off, found 'erase'"},
      {"fail TEST_DIR/F write twice\n", "f:1: expected KEY=VALUE, found 'twice'"},
      {"fail TEST_DIR/F write error=EPERM\n", "f:1: expected EIO or ENOSPC, found 'EPERM'"},
      {"fail TEST_DIR/F write after=x\n", "f:1: expected a number of operations, found 'x'"},
      {"fail TEST_DIR/F off once\n", "f:1: expected the end of the line, found 'once'"},
      {"restart now\n", "f:1: expected the end of the line, found 'now'"},
      {"power now\n", "f:1: expected KEY=VALUE, found 'now'"},
      {"power keep=x\n",
       "f:1: expected keep=all, keep=none or numbers such as keep=1,3-5,7.0, found 'x'"},
      {"power seed=x\n", "f:1: expected seed=N, found 'x'"},
      {"power keep=1 seed=1\n", "f:1: expected keep= or seed=, found both"},
      {"kill at 3 io d write 0 1\n",
       "f:1: expected a colon and a step after N, found the end of the line"},
      {"kill at 3:\n", "f:1: expected a step, found the end of the line"},
      {"kill at 0: restart\n",
       "f:1: expected the number of a storage operation, from 1 on, found 0"},
      {"kill at x: restart\n", "f:1: expected the number of a storage operation, found 'x'"},
      {"kill at 1 keep=all: restart\n", "f:1: expected the end of the line, found 'keep=all'"},
      {"fail at 3 io d write 0 1\n",
       "f:1: expected a colon and a step after N, found the end of the line"},
      {"fail at 0: restart\n",
       "f:1: expected the number of a storage operation, from 1 on, found 0"},
      {"fail at 1 error=EPERM: restart\n", "f:1: expected EIO or ENOSPC, found 'EPERM'"},
      {"fail at 1 after=2: restart\n", "f:1: expected an option (error), found 'after'"},
      {"fail at 1: kill\n", "f:1: expected a step that does not stop by itself, found 'kill'"},
      {"kill at 1: power\n", "f:1: expected a step that does not stop by itself, found 'power'"},
      {"when p restart\n", "f:1: expected NAME: or NAME=VALUE: after when, found 'p'"},
      {"when p:\n", "f:1: expected a step, found the end of the line"},
      {"when p: restart\n", "f:1: expected the name of a parameter, found 'p'"},
      {"io d write $x 1\n", "f:1: expected the name of a parameter, found 'x'"},
      {"io d write $ 1\n", "f:1: expected $NAME, ${NAME} or $$, found '$'"},
      {"io d write ${x 1\n", "f:1: expected $NAME, ${NAME} or $$, found '${x'"},
      {"restart\nparam a=1\n",
       "f:2: expected lines of the head before the first step, found 'param'"},
      {"param a\n", "f:1: expected NAME=VALUE after param, found 'a'"},
      {"param a=1 a=2\n", "f:1: expected each parameter once, found 'a' again"},
      {"param a=1,2\ntestcases over a a\n", "f:2: expected each parameter once, found 'a' again"},
      {"testcase a=1\n", "f:1: expected a \"TITLE\" after testcase, found 'a=1'"},
      {"testcase x b=1\n", "f:1: expected a parameter (none is declared), found 'b'"},
      {"testcase x\ntestcase x\n",
       "f:2: expected a title of its own for each testcase, found 'x' again"},
      {"testcases a\n", "f:1: expected over NAME… after testcases, found 'a'"},
      {"param a=1\ntestcases over a b\n", "f:2: expected a parameter (a), found 'b'"},
  };
  for (const Case& each : cases) {
    INFO(each.text);
    CHECK(error_of(each.text) == each.error);
  }
  CHECK(error_of(std::string("print \xff\n")) == "f: expected a script, found binary data");
  CHECK_THROWS_WITH(parse_file("/nowhere/x"),
                    "/nowhere/x: cannot be read: No such file or directory");
  CHECK_THROWS_WITH(parse_file("/tmp"), "/tmp: expected a scenario, found a directory");
}

TEST_CASE("a script reaches files of its own directory only") {
  const std::string outside = "f:1: expected a file TEST_DIR/…, without .., found ";
  for (const std::string file : {"/F", "PID-F", "TEST_DIR", "TEST_DIR/", "TEST_DIR/../F"}) {
    INFO(file);
    const std::string error = outside + "'" + file + "'";
    for (const std::string before : {"create ", "drive d ", "show info ", "show check "}) {
      CHECK(error_of(before + file + (before == "create " ? " 1M\n" : "\n")) == error);
    }
    CHECK(error_of("damage " + file + " autoclear\n") == error);
    CHECK(error_of("fail " + file + " read\n") == error);
    CHECK(error_of("blockdev-snapshot-sync device=d snapshot-file=" + file + "\n") == error);
    CHECK(error_of("blockdev-add driver=file node-name=n filename=" + file + "\n") == error);
    CHECK(error_of("blockdev-add driver=qcow2 file=n backing.driver=qcow2 "
                   "backing.file.driver=file backing.file.filename=" +
                   file + "\n") == error);
  }
  CHECK(error_of("create TEST_DIR/PID-..F 1M\n") == "no error");
  CHECK(error_of("blockdev-add driver=file node-name=n filename=\"\"\n") == "no error");
}

TEST_CASE("an image names as its backing file one beside it only") {
  const std::string outside = "f:1: expected a file TEST_DIR/…, without .., found ";
  for (const std::string file : {"/F", "../F", "TEST_DIR/../F", "json:{}", "nbd:x"}) {
    INFO(file);
    const std::string error = outside + "'" + file + "'";
    CHECK(error_of("create TEST_DIR/F 1M backing_file=\"" + file + "\"\n") == error);
    CHECK(error_of("block-commit device=d backing-file=\"" + file + "\"\n") == error);
  }
  CHECK(error_of("create TEST_DIR/F 1M backing_file=PID-base\n") == "no error");
  CHECK(error_of("block-commit device=d backing-file=TEST_DIR/PID-a\n") == "no error");
}

TEST_CASE("a guest's command is no longer than QEMU's human monitor takes") {
  const std::string command = "write 0 " + std::string(1014, '0');
  CHECK(error_of("io d " + command + "1\n") == "no error");
  CHECK(error_of("io d " + command + "12\n") ==
        "f:1: expected a qemu-io command of at most 1023 bytes, found 1024");
}

TEST_CASE("a script does not have more testcases than anybody waits for") {
  std::string declared;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    declared += std::string("param ") + name + "=0,1,2,3,4,5,6,7,8,9\n";
  }
  CHECK(error_of(declared + "testcases over a b c\n") == "no error");
  CHECK(error_of(declared + "param f=1,2\ntestcases over a b c d e f\n") ==
        "f:7: expected at most 100000 testcases, found more");
}

TEST_CASE("a script does not nest deeper than QEMU reads") {
  const std::string deep = std::string(2000, '[') + std::string(2000, ']');
  const std::string refused = "f:1: expected JSON of at most 1024 levels, found more";
  CHECK(error_of("block-commit b=" + deep + "\n") == refused);
  CHECK(error_of("{\"execute\": \"a\", \"arguments\": " + deep + "}\n") == refused);
  CHECK(error_of("block-commit b=\"" + std::string(2000, '[') + "\"\n") == "no error");
  std::string key = "b";
  for (int i = 0; i < 200; ++i) key += ".b";
  CHECK(error_of("block-commit " + key + "=1\n") ==
        "f:1: expected fewer names in a key, found a hundred");
}

TEST_CASE("a step is cut short where the script says so") {
  const std::vector<Step> steps = only_run(
      "param p=true\n"
      "when p: kill at 12: io d write 0 512\n"
      "power at 3 keep=1,4-5,7.2: {\"execute\": \"x\"}\n"
      "power seed=9\n"
      "restart\n");
  REQUIRE(steps.size() == 4);
  CHECK(steps[0].text == "kill at 12: io d write 0 512");
  REQUIRE(steps[0].cut);
  CHECK(steps[0].cut->how == sim::Stop::kill);
  CHECK(steps[0].cut->operation == 12);
  CHECK(std::get<sim::IoStep>(steps[0].action).command == "write 0 512");
  REQUIRE(steps[1].cut);
  CHECK(steps[1].cut->how == sim::Stop::power);
  CHECK(steps[1].cut->kept == sim::Kept::parse("1,4-5,7.2"));
  CHECK(std::get<sim::StopStep>(steps[2].action).kept == sim::Kept::seeded(9));
  CHECK_FALSE(steps[3].cut);
}

TEST_CASE("an operation of a step fails where the script says so") {
  const std::vector<Step> steps = only_run(
      "fail at 2: io d write 0 512\n"
      "fail at 1 error=ENOSPC: restart\n");
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].text == "fail at 2: io d write 0 512");
  CHECK_FALSE(steps[0].cut);
  REQUIRE(steps[0].mishap);
  CHECK(steps[0].mishap->operation == 2);
  CHECK(steps[0].mishap->error == EIO);
  CHECK(std::get<sim::IoStep>(steps[0].action).command == "write 0 512");
  REQUIRE(steps[1].mishap);
  CHECK(steps[1].mishap->error == ENOSPC);
}

TEST_CASE("a QMP command in qmp-shell's form becomes the wire's JSON") {
  CHECK(request("block-dirty-bitmap-add node=drive0 name=b persistent=true granularity=512") ==
        nlohmann::json::parse(R"({"execute":"block-dirty-bitmap-add","arguments":
            {"node":"drive0","name":"b","persistent":true,"granularity":512}})"));
  CHECK(request(R"(x-y a.b=1 a.c="true" l=["u", {"v": null}] f=-1.5 s=1x e= t="")") ==
        nlohmann::json::parse(R"({"execute":"x-y","arguments":
            {"a":{"b":1,"c":"true"},"l":["u",{"v":null}],"f":-1.5,"s":"1x","e":"","t":""}})"));
  CHECK(request("query-block") == nlohmann::json{{"execute", "query-block"}});
  CHECK(request(R"({"execute": "x", "id": 3}  # why)") ==
        nlohmann::json{{"execute", "x"}, {"id", 3}});
}

TEST_CASE("a fault of storage has an operation, an error, how often and how late") {
  const auto fault = [](const std::string& text) {
    return std::get<sim::FailStep>(only_run(text).front().action);
  };
  const sim::FailStep plain = fault("fail TEST_DIR/F write");
  CHECK(plain.file == "TEST_DIR/F");
  REQUIRE(plain.fault);
  CHECK(plain.fault->operation == sim::Operation::write);
  CHECK(plain.fault->error == EIO);
  CHECK_FALSE(plain.fault->once);
  CHECK(plain.fault->after == 0);
  const sim::FailStep full = fault("fail TEST_DIR/F flush once after=3 error=ENOSPC");
  REQUIRE(full.fault);
  CHECK(full.fault->operation == sim::Operation::flush);
  CHECK(full.fault->error == ENOSPC);
  CHECK(full.fault->once);
  CHECK(full.fault->after == 3);
  CHECK_FALSE(fault("fail TEST_DIR/F off").fault);
}

TEST_CASE("a schedule has a seed") {
  CHECK(std::get<sim::ScheduleStep>(only_run("schedule 7").front().action).seed == 7);
  CHECK_THROWS_AS(only_run("schedule soon"), sim::script::ScriptError);
}

TEST_CASE("lines go on after a backslash, but not in a comment") {
  const std::vector<Step> steps = only_run("io d \\\n   write 0 \\\n 512\n# no \\\nrestart\n");
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].text == "io d write 0 512");
  CHECK(steps[0].line == 1);
  CHECK(steps[1].line == 5);
}

TEST_CASE("testcases over parameters are all combinations, the first slowest") {
  const Script script =
      parse("param a=1,2 b=x,y\nparam c=z\ntestcases over a b\ntestcase last a=3\n", "f");
  std::string titles;
  for (const Run& run : runs(script, "f")) titles += run.title + "; ";
  CHECK(titles == "a=1 b=x; a=1 b=y; a=2 b=x; a=2 b=y; last; ");
  CHECK(runs(script, "f").back().values.at("b") == "x");
}

TEST_CASE("parameters are replaced and choose the steps") {
  const Script script = parse(
      "param p=false n=1\ntestcase off\ntestcase on p=true n=2\n"
      "when p: restart\nunless p: kill\nwhen n=2: unless p=false: io d$n write ${n}K 1$$\n",
      "f");
  const std::vector<Run> all = runs(script, "f");
  const std::vector<Step> off = steps(script, all[0]), on = steps(script, all[1]);
  REQUIRE(off.size() == 1);
  CHECK(off[0].text == "kill");
  REQUIRE(on.size() == 2);
  CHECK(on[0].text == "restart");
  CHECK(on[1].text == "io d2 write 2K 1$");
  CHECK(on[1].line == 6);
}
