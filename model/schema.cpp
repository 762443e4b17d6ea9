// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

struct Argument {
  std::string name, type;
  bool optional;
};

/// In the order in which QEMU checks them (M21).
using Arguments = std::vector<Argument>;

/// Reads a list where "name" is required and "[name]" is not; a type other than string follows a
/// colon.
Arguments arguments_of(const std::string& list) {
  Arguments arguments;
  for (std::string word : words_of(list)) {
    const bool optional = word.starts_with('[');
    if (optional) word = word.substr(1, word.size() - 2);
    const auto colon = word.find(':');
    const bool typed = colon != std::string::npos;
    arguments.push_back(
        {word.substr(0, colon), typed ? word.substr(colon + 1) : "string", optional});
  }
  return arguments;
}

struct Command {
  Command(Handler* work, const std::string& list) : handler(work), arguments(arguments_of(list)) {}
  Handler* handler;
  Arguments arguments;
};

const std::string no_arguments;
const std::string bitmap = "node name";
const std::string add = "node name [granularity:uint32] [persistent:boolean] [disabled:boolean]";
const std::string snapshot =
    "[device] [node-name] snapshot-file [snapshot-node-name] [format] [mode:mode]";
const std::string commit =
    "[job-id] device [base-node] [base] [top-node] [top] [backing-file] [speed:integer] "
    "[on-error:on-error] [filter-node-name] [auto-finalize:boolean] [auto-dismiss:boolean]";

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> table{
      {"qmp_capabilities", {negotiate, "[enable:capabilities]"}},
      {"block-dirty-bitmap-add", {bitmap_add, add}},
      {"block-dirty-bitmap-remove", {bitmap_remove, bitmap}},
      {"block-dirty-bitmap-clear", {bitmap_clear, bitmap}},
      {"block-dirty-bitmap-enable", {bitmap_enable, bitmap}},
      {"block-dirty-bitmap-disable", {bitmap_disable, bitmap}},
      {"block-dirty-bitmap-merge", {bitmap_merge, "node target bitmaps:sources"}},
      {"x-debug-block-dirty-bitmap-sha256", {bitmap_sha256, bitmap}},
      {"block_resize", {block_resize, "[device] [node-name] size:integer"}},
      {"blockdev-snapshot-sync", {snapshot_sync, snapshot}},
      {"blockdev-snapshot", {blockdev_snapshot, "node overlay"}},
      {"blockdev-add", {blockdev_add, no_arguments}},
      {"blockdev-del", {blockdev_del, "node-name"}},
      {"block-commit", {block_commit, commit}},
      {"block-job-complete", {job_complete, "device"}},
      {"block-job-cancel", {job_cancel, "device [force:boolean]"}},
      {"block-job-pause", {job_pause, "device"}},
      {"block-job-resume", {job_resume, "device"}},
      {"block-job-set-speed", {job_set_speed, "device speed:integer"}},
      {"block-job-finalize", {block_job_finalize, "id"}},
      {"block-job-dismiss", {block_job_dismiss, "id"}},
      {"job-complete", {job_complete, "id"}},
      {"job-cancel", {job_cancel, "id"}},
      {"job-pause", {job_pause, "id"}},
      {"job-resume", {job_resume, "id"}},
      {"job-finalize", {job_finalize, "id"}},
      {"job-dismiss", {job_dismiss, "id"}},
      {"query-block", {query_block, no_arguments}},
      {"query-named-block-nodes", {query_named_block_nodes, "[flat:boolean]"}},
      {"query-block-jobs", {query_block_jobs, no_arguments}},
      {"query-jobs", {query_jobs, no_arguments}},
      {"query-version", {query_anything, no_arguments}},
      {"query-commands", {query_anything, no_arguments}},
      {"quit", {quit, no_arguments}},
  };
  return table;
}

[[noreturn]] void wrong_type(const std::string& where, const std::string& expected) {
  throw Refused{"Invalid parameter type for '" + where + "', expected: " + expected};
}

const std::map<std::string, std::set<std::string>>& choices() {
  static const std::map<std::string, std::set<std::string>> table{
      {"mode", {"existing", "absolute-paths"}},
      {"on-error", {"report", "ignore", "enospc", "stop", "auto"}},
      {"driver", {"file", "qcow2", "raw"}},
      {"discard", {"ignore", "unmap"}},
  };
  return table;
}

void check_choice(const std::string& where, const json& value, const std::set<std::string>& known) {
  if (!value.is_string()) wrong_type(where, "string");
  if (known.contains(value.get<std::string>())) return;
  throw Refused{"Parameter '" + where + "' does not accept value '" + value.get<std::string>() +
                "'"};
}

void check_members(const Arguments& arguments, const json& object, const std::string& prefix);

void check_sources(const json& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_string()) continue;
    if (!list[i].is_object()) wrong_type("null", "BlockDirtyBitmapOrStr");
    check_members(arguments_of(bitmap), list[i], "bitmaps[" + std::to_string(i) + "].");
  }
}

/// M42
void check_blockdev(const json& options, const std::string& prefix) {
  const std::map<std::string, std::string> own{
      {"file", "filename"},
      {"qcow2", "file:BlockdevRef [backing:BlockdevRefOrNull]"},
      {"raw", "file:BlockdevRef"}};
  std::string known =
      "driver:driver [node-name] [discard:discard] [cache:object] "
      "[read-only:boolean] [auto-read-only:boolean] [detect-zeroes] ";
  const json driver = options.value("driver", json());
  if (driver.is_string() && own.contains(driver)) known += own.at(driver);
  check_members(arguments_of(known), options, prefix);
}

/// A node's name or options.
void check_reference(const std::string& where, const json& value, const std::string& type) {
  if (value.is_object()) check_blockdev(value, where + ".");
  if (!value.is_object() && !value.is_string()) wrong_type(where, type);
}

/// S2, M22
void check_type(const std::string& type, const json& value, const std::string& where) {
  const bool whole = value.is_number_integer();
  if (type == "uint32") {
    if (!whole) throw Refused{"Parameter '" + where + "' expects uint64"};
    if (value < 0 || value > UINT32_MAX)
      throw Refused{"Parameter '" + where + "' expects uint32_t"};
  } else if (type == "integer") {
    const bool large = value.is_number_unsigned() && value.get<Number>() > INT64_MAX;
    if (!whole || large) wrong_type(where, type);
  } else if (type == "boolean") {
    if (!value.is_boolean()) wrong_type(where, type);
  } else if (type == "sources" || type == "capabilities") {
    if (!value.is_array()) wrong_type(where, "array");
    if (type == "sources") return check_sources(value);
    for (const json& each : value) check_choice("null", each, {"oob"});
  } else if (choices().contains(type)) {
    check_choice(where, value, choices().at(type));
  } else if (type == "object") {
    if (!value.is_object()) wrong_type(where, type);
  } else if (type.starts_with("Blockdev")) {
    if (!type.ends_with("OrNull") || !value.is_null()) check_reference(where, value, type);
  } else if (!value.is_string()) {
    wrong_type(where, "string");
  }
}

/// S11, M20, M21
void check_members(const Arguments& arguments, const json& object, const std::string& prefix) {
  for (const auto& [name, type, optional] : arguments) {
    const auto found = object.find(name);
    if (found != object.end()) check_type(type, *found, prefix + name);
    if (found == object.end() && !optional)
      throw Refused{"Parameter '" + prefix + name + "' is missing"};
  }
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(arguments, key, &Argument::name) == arguments.end())
      throw Refused{"Parameter '" + prefix + key + "' is unexpected"};
  }
}

}  // namespace

Handler* checked_command(const std::string& name, const json& arguments) {
  const auto found = commands().find(name);
  if (found == commands().end())
    throw Refused{"The command " + name + " has not been found", "CommandNotFound"};
  const bool options = found->second.handler == blockdev_add;
  if (options) check_blockdev(arguments, "");
  if (!options) check_members(found->second.arguments, arguments, "");
  return found->second.handler;
}

}  // namespace model
