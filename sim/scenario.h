// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/script/expand.h"

namespace sim {

/// A scenario read and checked: nothing about its text can fail any more.
struct Scenario {
  /// A testcase with its steps.
  struct Testcase {
    std::string title;
    std::vector<Step> steps;
  };

  std::string path;    ///< as the user names it
  std::string name;    ///< for tables and directories, e.g. "bitmaps/merge"
  std::string golden;  ///< path of its golden transcript; empty: it has none
  /// Whether the script names its testcases one by one, rather than as combinations.
  bool titled = false;
  std::string unjudged = {};  ///< why some of its steps cannot be judged; empty: it does not say
  std::vector<Testcase> testcases;
};

/// Where scenarios and goldens are: `root`/scenarios and `root`/golden.
struct Project {
  std::string root;
};

/// The project that the start script names (BLOCKTWIN_ROOT), that the program was built in, or else
/// the current directory.
Project find_project();

/// The name of a scenario: its path below `root`/scenarios, without its ending; of one elsewhere
/// that of the file.
std::string scenario_name(const std::string& path, const Project& project);

/// Reads a scenario. Throws script::ScriptError.
Scenario load_scenario(const std::string& path, const Project& project);

/// The scenarios that `paths` name, directories searched for *.scenario, in a fixed order; those of
/// the project if there are no paths. Throws script::ScriptError for what is not there.
std::vector<std::string> find_scenarios(const std::vector<std::string>& paths,
                                        const Project& project);

}  // namespace sim
