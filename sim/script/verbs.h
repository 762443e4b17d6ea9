// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace sim::script {

/// Whether a step of our own starts with this word (scenarios/README.md, "Steps").
bool is_verb(const std::string& word);
/// Whether the word can name a QMP command in qmp-shell's form: it has a dash, or is one of the few
/// that have none. A command that does not exist can be sent as JSON.
bool is_qmp_command(const std::string& word);
/// All words that a line may start with, but for commands of QMP.
std::vector<std::string> first_words();
/// The verbs for a message: "create, drive, …".
std::string verb_list();

}  // namespace sim::script
