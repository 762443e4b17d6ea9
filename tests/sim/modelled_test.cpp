// SPDX-License-Identifier: MIT
// The table of what is modelled tells what model and engine answer, no more and no less.
#include "sim/script/modelled.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sim/allowed.h"
#include "sim/script/expand.h"
#include "sim/subjects.h"
#include "tests/catch.h"

// Names of others are in the same unity group.
namespace modelled_test {

using namespace sim;
using namespace sim::script;
using nlohmann::json;

namespace {

std::vector<std::string> words(std::string_view list) {
  std::istringstream in{std::string(list)};
  return {std::istream_iterator<std::string>(in), {}};
}

/// A value of the type that makes no sense otherwise.
json sample(const std::string& type) {
  static const std::map<std::string, json> samples{
      {"string", "x"},
      {"boolean", false},
      {"integer", 0},
      {"uint32", 1},
      {"on-error", "report"},
      {"mode", "existing"},
      {"discard", "ignore"},
      {"capabilities", {"oob"}},
      {"bitmaps", {"b", {{"node", "n"}, {"name", "b"}}}},
      {"node", {{"driver", "file"}, {"filename", "TEST_DIR/x"}}}};
  return samples.at(type);
}

json samples_of(std::string_view arguments) {
  json values = json::object();
  for (const Parameter& each : parameters_of(arguments)) values[each.name] = sample(each.type);
  return values;
}

/// A model and an engine for one question.
struct Witnesses {
  std::unique_ptr<Subject> model = make_model_subject();
  std::unique_ptr<Subject> engine = make_engine_subject(StorageKind::sim, "", Timing::instant);

  std::set<std::string> answers(const std::string& command, const json& arguments) const {
    const json request{{"execute", command}, {"arguments", arguments}};
    std::set<std::string> texts;
    for (const auto& subject : {model.get(), engine.get()}) {
      const json reply = subject->execute(request);
      texts.insert(reply.contains("error") ? reply["error"]["desc"].get<std::string>() : "done");
    }
    return texts;
  }
  std::set<std::string> io_answers(const std::string& line) const {
    for (const auto& subject : {model.get(), engine.get()}) {
      subject->create_image({{"file", "TEST_DIR/a"}, {"size", "1M"}});
      subject->add_drive({{"id", "d"}, {"file", "TEST_DIR/a"}});
    }
    return {model->guest_io("d", line), engine->guest_io("d", line)};
  }
};

std::set<std::string> answers(const std::string& command, const json& arguments) {
  return Witnesses().answers(command, arguments);
}

/// Whether the model allows anything to be printed.
bool leaves_open(const std::string& text) {
  const auto said = Allowed::said_in(text);
  return said && Allowed(*said).anything();
}

std::set<std::string> unexpected(const std::string& name) {
  return {"Parameter '" + name + "' is unexpected"};
}

std::string error_of(const std::string& step) {
  try {
    const Script script = parse(step + "\n", "f");
    steps(script, runs(script, "f").front());
  } catch (const ScriptError& error) {
    return error.what();
  }
  return "no error";
}

std::string not_modelled(const std::string& what) {
  return "f:1: not modelled: " + what + " (blocktwin modelled tells what is)";
}

}  // namespace

TEST_CASE("model and engine have the commands of the table, and no others of QEMU's") {
  std::set<std::string> names;
  for (const Form& form : modelled_commands()) {
    const std::string name(form.name);
    names.insert(name);
    INFO(name);
    for (const std::string& text : answers(name, json::object())) {
      CHECK(text != "The command " + name + " has not been found");
    }
  }
  std::set<std::string> listed{"human-monitor-command"};  // what io and drive are made of
  listed.insert(names.begin(), names.end());
  std::set<std::string> told;
  const json reply = Witnesses().engine->execute({{"execute", "query-commands"}});
  for (const json& each : reply["return"]) told.insert(each["name"].get<std::string>());
  CHECK(told == listed);
  for (const std::string& name : words(unmodelled_commands())) {
    INFO(name);
    CHECK_FALSE(names.contains(name));
    const json model = Witnesses().model->execute({{"execute", name}});
    CHECK(model["error"]["desc"] == "The command " + name + " has not been found");
  }
}

TEST_CASE("model and engine take the arguments of the table, and no others of QEMU's") {
  for (const Form& form : modelled_commands()) {
    if (form.name == "blockdev-add") continue;
    INFO(form.name);
    json arguments = samples_of(form.arguments);
    const auto with = [&](const std::string& name) {
      json all = arguments;
      all[name] = "x";
      return answers(std::string(form.name), all);
    };
    CHECK(with("zz-bogus") == unexpected("zz-bogus"));
    for (const std::string& name : words(form.elsewhere)) CHECK(with(name) == unexpected(name));
  }
}

TEST_CASE("model and engine take the drivers of the table, their options, and no other drivers") {
  const Form& common = modelled_drivers().front();
  for (const Form& form : modelled_drivers()) {
    if (form.name.empty()) continue;
    INFO(form.name);
    json options = samples_of(common.arguments);
    options.update(samples_of(form.arguments));
    options["driver"] = form.name;
    options["zz-bogus"] = 1;
    CHECK(answers("blockdev-add", options) == unexpected("zz-bogus"));
  }
  for (const std::string& driver : words(unmodelled_drivers())) {
    const std::string refused = "Parameter 'driver' does not accept value '" + driver + "'";
    CHECK(answers("blockdev-add", {{"driver", driver}}) == std::set{refused});
  }
}

TEST_CASE("the model knows the io commands of the table with their options, and no others") {
  for (const Form& form : modelled_io()) {
    const bool flush = form.name.ends_with("flush");
    for (char letter = 'A'; letter <= 'z' && !flush; ++letter) {
      if (!std::isalpha(static_cast<unsigned char>(letter))) continue;
      const bool known = form.arguments.find(letter) != std::string_view::npos;
      const std::string option = std::string(" -") + letter + (letter == 'P' ? " 1" : "");
      const std::string line = std::string(form.name) + option + " 0 512";
      INFO(line);
      const Witnesses witnesses;
      CHECK(std::ranges::any_of(witnesses.io_answers(line), leaves_open) == !known);
    }
  }
  for (const std::string& name : words(unmodelled_io())) {
    CHECK(Witnesses().io_answers(name + " 0").contains("command \"" + name + "\" not found"));
  }
}

TEST_CASE("what QEMU has and we do not is refused before anything runs") {
  CHECK(error_of("migrate-incoming uri=exec:ls") == not_modelled("command 'migrate-incoming'"));
  CHECK(error_of(R"({"execute": "migrate", "arguments": {"uri": "exec:ls"}})") ==
        not_modelled("command 'migrate'"));
  CHECK(error_of("transaction actions=[]") == not_modelled("command 'transaction'"));
  CHECK(error_of("__vendor_command") == not_modelled("command '__vendor_command'"));
  CHECK(error_of(R"({"execute": "quit", "exec-oob": "migrate"})") ==
        not_modelled("member 'exec-oob'"));
  CHECK(error_of("human-monitor-command command-line=help") ==
        not_modelled("command 'human-monitor-command'"));
  CHECK(error_of("block-commit device=d backing-mask-protocol=true") ==
        not_modelled("argument 'backing-mask-protocol' of block-commit"));
  CHECK(error_of("blockdev-add driver=nbd node-name=n") == not_modelled("driver 'nbd'"));
  CHECK(error_of("blockdev-add driver=qcow2 node-name=n file.driver=host_device") ==
        not_modelled("driver 'host_device'"));
  CHECK(error_of("blockdev-add driver=qcow2 node-name=n file=f data-file=g") ==
        not_modelled("option 'data-file' of blockdev-add"));
  CHECK(error_of("blockdev-add driver=raw node-name=n file=f cache.direct=true") ==
        not_modelled("option 'cache' of blockdev-add"));
  CHECK(error_of("blockdev-snapshot-sync device=d snapshot-file=TEST_DIR/a format=vmdk") ==
        not_modelled("format 'vmdk'"));
  CHECK(error_of("blockdev-snapshot-sync device=d snapshot-file=TEST_DIR/a format=file") ==
        not_modelled("format 'file'"));
  CHECK(error_of("create TEST_DIR/a 1M format=luks") == not_modelled("format 'luks'"));
  CHECK(error_of("create TEST_DIR/a 1M backing_file=b backing_fmt=vdi") ==
        not_modelled("format 'vdi'"));
  CHECK(error_of("drive d TEST_DIR/a format=host_device") == not_modelled("format 'host_device'"));
  CHECK(error_of("wait MIGRATION") == not_modelled("event 'MIGRATION'"));
  CHECK(error_of("io d abort") == not_modelled("io command 'abort'"));
  CHECK(error_of("io d write -s /etc/passwd 0 512") == not_modelled("option -s of io write"));
  CHECK(error_of("io d write -qP 1 -c 0 512") == not_modelled("option -c of io write"));
}

TEST_CASE("what no QEMU has is an ordinary step, which all refuse") {
  for (const std::string step :
       {R"({"execute": "no-such-command"})", R"({"execute": 1})",
        R"({"execute": "query-block", "arguments": "x"})", "block-commit device=d bogus=1",
        "blockdev-add driver=nonsense bogus=1", "create TEST_DIR/a 1M format=zz",
        "blockdev-snapshot-sync device=d snapshot-file=TEST_DIR/a format=file mode=existing",
        "drive d TEST_DIR/a format=zz", "io d scribble -s 0 512", "io d write -P -z 0 512"}) {
    INFO(step);
    CHECK(error_of(step) == "no error");
  }
}

}  // namespace modelled_test
