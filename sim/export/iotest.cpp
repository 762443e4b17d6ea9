// SPDX-License-Identifier: MIT
#include "sim/export/iotest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "sim/allowed.h"
#include "sim/export/iotest_helpers.h"
#include "sim/export/iotest_steps.h"
#include "sim/observe.h"
#include "sim/subjects.h"
#include "sim/usage_error.h"

namespace sim::exporting {

using nlohmann::json;

namespace {

/// The comments of a script, by line.
class Story {
 public:
  explicit Story(const std::string& path) : script_(script::parse_file(path)) {
    while (head_ < script_.lines.size() &&
           std::holds_alternative<std::monostate>(script_.lines[head_].content)) {
      ++head_;
    }
  }

  /// What stands before everything else.
  std::string head() const {
    std::string text;
    for (std::size_t i = 0; i < head_; ++i) {
      if (const auto& comment = script_.lines[i].comment) text += *comment + " ";
    }
    return text;
  }
  /// What stands after line `after` up to line `line`.
  std::vector<std::string> between(int after, int line) const {
    std::vector<std::string> comments;
    for (std::size_t i = head_; i < script_.lines.size(); ++i) {
      const script::Line& each = script_.lines[i];
      if (each.comment && each.number > after && each.number <= line) {
        comments.push_back(*each.comment);
      }
    }
    return comments;
  }

 private:
  script::Script script_;
  std::size_t head_ = 0;
};

/// What the model allows to be seen of a step; of dirty bits also their hash.
json allowed_in(Subject& model, const Step& step) {
  json allowed = observe(model, step);
  const auto* show = std::get_if<ShowStep>(&step.action);
  if (show == nullptr || show->sight != Sight::dirty || !AllowedBits::from(allowed)) return allowed;
  const json reply =
      model.execute({{"execute", "x-debug-block-dirty-bitmap-sha256"},
                     {"arguments", {{"node", show->target}, {"name", show->bitmap}}}});
  allowed["sha256"] = reply.at("return").at("sha256");
  return allowed;
}

/// Every image that a testcase may name, in whatever words.
void learn_images(const Scenario::Testcase& testcase, PythonNames& names) {
  for (const Step& step : testcase.steps) names.learn(step.text);
}

void add_steps(const Scenario& scenario, const Scenario::Testcase& testcase, const Story& story,
               IotestSteps& steps) {
  const auto model = make_model_subject();
  int told = 0;
  for (const Step& step : testcase.steps) {
    for (const std::string& comment : story.between(told, step.line)) steps.comment(comment);
    told = step.line;
    try {
      steps.add(step, allowed_in(*model, step));
    } catch (const std::invalid_argument& reason) {
      throw UsageError(scenario.path + ":" + std::to_string(step.line) + ": testcase \"" +
                       testcase.title + "\": cannot be exported: " + reason.what());
    }
  }
  steps.finish();
}

std::string function_name(std::size_t index) { return "testcase_" + std::to_string(index + 1); }

/// `with` the images and the machine.
std::string function_text(const std::string& name, const std::string& title,
                          const PythonNames& names, const IotestSteps& steps) {
  std::string files, variables;
  for (const auto& [image, variable] : names.images()) {
    files += (files.empty() ? "" : ", ") + python_string(image);
    variables += (variables.empty() ? "" : ", ") + variable;
  }
  const bool several = names.images().size() > 1;
  std::string text = "\n\ndef " + name + "():\n    with ";
  if (!files.empty()) {
    text += "iotests.FilePath(" + files + ") as " + (several ? "(" + variables + ")" : variables) +
            ", \\\n         ";
  }
  text += "iotests.VM() as vm:\n        log(" + python_string("\nTestcase " + title + "\n") + ")\n";
  for (const std::string& line : steps.lines()) text += "        " + line + "\n";
  return text;
}

std::string imports(const std::string& body) {
  std::string text;
  for (const char* module : {"collections", "json", "os", "re", "time"}) {
    if (body.find(std::string(module) + ".") != std::string::npos) {
      text += "import " + std::string(module) + "\n";
    }
  }
  return text + "import iotests\nfrom iotests import log\n";
}

std::string head_text(const Scenario& scenario, const Story& story) {
  std::string text = "#!/usr/bin/env python3\n# group: rw\n#\n";
  const std::string origin = "Exported by blocktwin from " + scenario.name +
                             "; S… and M… are rules of its model/RULES.md.";
  for (const std::string& part : {story.head(), origin}) {
    for (const std::string& line : comment_lines(part, 79)) text += line + "\n";
    text += "#\n";
  }
  return text + "# SPDX-License-Identifier: MIT\n\n";
}

/// Tests have no folders: commit/chain_of_three becomes commit-chain-of-three.
std::string test_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == '_'; }, '-');
  return name;
}

bool wanted(const Scenario::Testcase& testcase, const std::string& title) {
  return title.empty() || testcase.title == title;
}

void require_testcase(const Scenario& scenario, const std::string& title) {
  std::string titles;
  for (const Scenario::Testcase& testcase : scenario.testcases) {
    if (wanted(testcase, title)) return;
    titles += (titles.empty() ? "\"" : ", \"") + testcase.title + "\"";
  }
  throw UsageError(scenario.path + ": there is no testcase \"" + title + "\" among " + titles);
}

}  // namespace

Iotest export_iotest(const Scenario& scenario, const std::string& testcase) {
  require_testcase(scenario, testcase);
  const Story story(scenario.path);
  std::set<std::string> helpers;
  std::string functions, calls;
  Iotest test{test_name(scenario.name), {}, {}};
  for (std::size_t i = 0; i < scenario.testcases.size(); ++i) {
    const Scenario::Testcase& each = scenario.testcases[i];
    if (!wanted(each, testcase)) continue;
    PythonNames names;
    learn_images(each, names);
    IotestSteps steps(names);
    add_steps(scenario, each, story, steps);
    helpers.insert(steps.helpers().begin(), steps.helpers().end());
    functions += function_text(function_name(i), each.title, names, steps);
    calls += "    " + function_name(i) + "()\n";
    test.expected += "\nTestcase " + each.title + "\n\n" + steps.expected();
  }
  const std::string body = helper_functions(helpers) + functions;
  test.program = head_text(scenario, story) + imports(body) + body + "\n\ndef main():\n" + calls +
                 "\n\nif __name__ == '__main__':\n"
                 "    iotests.script_main(main, supported_fmts=['qcow2'],\n"
                 "                        supported_protocols=['file'])\n";
  return test;
}

}  // namespace sim::exporting
