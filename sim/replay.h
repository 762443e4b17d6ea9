// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "sim/runner.h"

namespace sim {

/// What `blocktwin replay` is told.
struct ReplayOptions {
  std::vector<std::string> paths;  ///< empty: all of the project
  Cast cast;
  bool usual_subjects = false;  ///< nobody chose them: say so if there is no QEMU among them
  std::string directory;        ///< where real files go and stay; empty: a temporary directory
  unsigned jobs = 1;            ///< how many scenarios run at once
  bool bless = false;           ///< rewrite goldens instead of comparing
  bool verbose = false;         ///< transcripts as they come
  bool strict = false;          ///< what was not judged, or is refused unasked, is a failure
  std::string junit;            ///< a file for the results as JUnit's XML; empty: none
};

/// Runs scenarios, compares subjects and goldens, and prints which QEMU runs, what differs, known
/// divergences and a summary on `out`.
/// Progress goes to `progress`, which may be null. Answers the exit status: 0, or 1 after a
/// difference or a step that its story wants refused and that is not. Throws script::ScriptError
/// and UsageError before anything runs.
/// If something ends the replay early, JUnit's file holds what was done by then.
int replay(ReplayOptions options, std::ostream& out, std::ostream* progress);

/// Prints the transcript of one scenario on one subject, with what the subject answered. Answers as
/// replay() does; differences from the model and mistakes go to `errors`. So does a known
/// divergence; what follows it in the transcript is then what the model allows.
int transcribe(const std::string& path, Cast cast, const std::string& directory, std::ostream& out,
               std::ostream& errors);

}  // namespace sim
