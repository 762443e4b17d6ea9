// SPDX-License-Identifier: MIT
#include "sim/qemu_img.h"

#include <nlohmann/json.hpp>

#include "sim/child.h"
#include "sim/images.h"
#include "sim/option_value.h"
#include "sim/reply_shapes.h"

namespace sim {

using nlohmann::json;

namespace {

/// The first line that qemu-img printed on standard error, without what it puts in front.
json error_of(const ProgramResult& result, const std::string& file) {
  std::string text = result.errors.substr(0, result.errors.find('\n'));
  for (const std::string& prefix :
       {std::string("qemu-img: "), file + ": ", "Could not open '" + file + "': "}) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) text.erase(0, prefix.size());
  }
  return {{"error", {{"class", "GenericError"}, {"desc", text}}}};
}

/// What was printed, as `kind` of a command prints it.
json printed(const std::string& kind, const json& value) {
  if (const auto fault = fault_of_image(kind, value)) {
    throw SubjectFailure("qemu-img printed " + *fault);
  }
  return value;
}

}  // namespace

ProgramResult QemuImg::run(const std::vector<std::string>& arguments) const try {
  return run_program(arguments, limit_);
} catch (const ProgramOverran& overran) {
  throw SubjectHang(overran.what());
}

json QemuImg::create(const json& options) const {
  std::vector<std::string> arguments{program_, "create", "-q", "-f",
                                     options.value("format", "qcow2")};
  std::string format_options;
  for (const char* key : {"cluster_size", "compat", "refcount_bits"}) {
    if (!options.contains(key)) continue;
    format_options +=
        (format_options.empty() ? "" : ",") + std::string(key) + "=" + option_value(options[key]);
  }
  const auto add = [&](const char* option, const std::string& value) {
    arguments.emplace_back(option);
    arguments.push_back(value);
  };
  if (!format_options.empty()) add("-o", format_options);
  if (options.contains("backing_file")) add("-b", options["backing_file"]);
  if (options.contains("backing_fmt")) add("-F", options["backing_fmt"]);
  const std::string file = options.at("file");
  arguments.insert(arguments.end(), {"--", file, options.at("size")});
  const ProgramResult result = run(arguments);
  if (result.status == 0) return {{"return", json::object()}};
  return error_of(result, file);
}

json QemuImg::info(const std::string& file) const {
  const ProgramResult result = run({program_, "info", "-U", "--output=json", file});
  if (result.status != 0) return error_of(result, file);
  return images::brief(printed("info", json::parse(result.output, nullptr, false)));
}

json QemuImg::check(const std::string& file) const {
  const ProgramResult result = run({program_, "check", "-U", "--output=json", file});
  const json check = json::parse(result.output, nullptr, false);
  if (!check.is_object()) return error_of(result, file);
  printed("check", check);
  return {{"corruptions", check.value("corruptions", 0)}, {"leaks", check.value("leaks", 0)}};
}

}  // namespace sim
