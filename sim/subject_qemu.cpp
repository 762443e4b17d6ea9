// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sim/hmp.h"
#include "sim/names.h"
#include "sim/qemu_img.h"
#include "sim/qemu_process.h"
#include "sim/subjects.h"

namespace sim {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

/// The qemu-img that belongs to a system emulator.
std::string qemu_img_beside(const std::string& program) {
  const std::filesystem::path beside = std::filesystem::path(program).parent_path() / "qemu-img";
  return program.find('/') != std::string::npos && std::filesystem::exists(beside) ? beside.string()
                                                                                   : "qemu-img";
}

/// Adds the bytes of qemu-io's `read -v` lines ("00000010:  cd cd …  ................").
void append_dump(const std::string& dump, std::vector<unsigned char>& bytes) {
  std::istringstream lines(dump);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(":  ");
    if (colon == std::string::npos) continue;
    const char* at = line.c_str() + colon + 3;
    for (int i = 0; i < 16 && std::isxdigit(static_cast<unsigned char>(*at)); ++i, at += 3) {
      bytes.push_back(
          static_cast<unsigned char>(std::strtoul(std::string(at, 2).c_str(), nullptr, 16)));
    }
  }
}

/// Runs of equal bytes, in the shape of model::contents.
void append_runs(const std::vector<unsigned char>& bytes, std::uint64_t offset, json& runs) {
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t end = i;
    while (end < bytes.size() && bytes[end] == bytes[i]) ++end;
    runs.push_back({offset + i, end - i, json::array({bytes[i]})});
    i = end;
  }
}

/// A real QEMU, driven over QMP; started when first needed.
class QemuSubject : public Subject {
 public:
  QemuSubject(std::string program, const std::string& directory)
      : program_(std::move(program)), images_(qemu_img_beside(program_)), names_(directory) {}

  std::string_view name() const override { return "qemu"; }

  json execute(const json& request) override {
    json reply = process().execute(names_.to_real(request));
    if (reply.contains("return")) {
      note_told(request);
      if (request.value("execute", "") == "quit") end();
    }
    return names_.to_script(std::move(reply));
  }

  std::optional<json> await_event(const std::string& event) override {
    const auto deadline = std::chrono::steady_clock::now() + QemuProcess::patience;
    while (std::chrono::steady_clock::now() < deadline) {
      // Asked first: an event that a job sent before it came to rest is then kept already.
      const bool rest = at_rest();
      process().listen(rest ? milliseconds(0) : milliseconds(5));
      if (std::optional<json> found = process().take_event(event)) {
        return names_.to_script(std::move(*found));
      }
      if (rest) return std::nullopt;
    }
    throw SubjectFailure("no " + event + " came, and the jobs do not come to rest");
  }

  std::string guest_io(const std::string& node, const std::string& command) override {
    process().take_console();
    const std::string answer = human(hmp::io_line(node, names_.to_real(command)));
    return names_.to_script(hmp::io_trouble(answer, process().take_console()));
  }

  json create_image(const json& options) override {
    return names_.to_script(images_.create(names_.to_real(options)));
  }
  json add_drive(const json& options) override {
    return names_.to_script(hmp::drive_reply(human(hmp::drive_line(names_.to_real(options)))));
  }
  json delete_drive(const std::string& id) override {
    return names_.to_script(hmp::drive_reply(human("drive_del " + id)));
  }
  void run(unsigned) override {}

  void stop(Stop how) override {
    if (how == Stop::power) throw SubjectFailure("a real machine's power is not ours to cut");
    if (!process_) return;
    if (how == Stop::clean) {
      process_->execute({{"execute", "quit"}});
      end();
    }
    process_.reset();
  }

  json image_info(const std::string& file) override {
    return names_.to_script(images_.info(names_.to_real(file)));
  }
  json image_check(const std::string& file) override {
    return names_.to_script(images_.check(names_.to_real(file)));
  }
  json dirty_ranges(const std::string& node, const std::string& bitmap) override;
  json contents(const std::string& node) override;

 private:
  QemuProcess& process() {
    if (!process_) process_ = std::make_unique<QemuProcess>(program_);
    return *process_;
  }
  void end() {
    process_->wait_for_end();
    process_.reset();
  }

  std::string human(const std::string& line) {
    const json reply = process().execute(hmp::request(line));
    return reply.contains("return") ? reply["return"].get<std::string>()
                                    : reply["error"]["desc"].get<std::string>();
  }

  /// The list that a query answers.
  json query(const char* command) { return process().execute({{"execute", command}}).at("return"); }

  /// Remembers which jobs were told to come to their end: they are not at rest until they are gone.
  void note_told(const json& request) {
    const std::string command = request.value("execute", "");
    const bool ends = command.ends_with("-complete") || command.ends_with("-cancel") ||
                      command.ends_with("-finalize");
    if (!ends || !request.contains("arguments")) return;
    const json& arguments = request["arguments"];
    told_.insert(arguments.value("device", arguments.value("id", "")));
  }

  /// Whether no job goes on without a command.
  bool at_rest() {
    const json jobs = query("query-jobs");
    if (jobs.empty()) told_.clear();
    return std::all_of(jobs.begin(), jobs.end(), [this](const json& job) {
      const std::string status = job["status"];
      if (status == "paused" || status == "standby" || status == "concluded") return true;
      return (status == "ready" || status == "pending") && !told_.contains(job["id"]);
    });
  }

  json find_node(const std::string& node);

  std::string program_;
  QemuImg images_;
  Names names_;
  std::unique_ptr<QemuProcess> process_;
  std::set<std::string> told_;
};

/// What the queries tell of a device's or a node's node; null if there is none.
json QemuSubject::find_node(const std::string& node) {
  const json devices = query("query-block");
  for (const json& device : devices) {
    if (!device.contains("inserted")) continue;
    const json& inserted = device["inserted"];
    if (device["device"] == node || inserted["node-name"] == node) return inserted;
  }
  const json nodes = query("query-named-block-nodes");
  for (const json& each : nodes) {
    if (each["node-name"] == node) return each;
  }
  return nullptr;
}

/// QEMU tells how many bits are set and their hash, not which they are.
json QemuSubject::dirty_ranges(const std::string& node, const std::string& bitmap) {
  const json request{{"execute", "x-debug-block-dirty-bitmap-sha256"},
                     {"arguments", {{"node", node}, {"name", bitmap}}}};
  const json reply = execute(request);
  if (!reply.contains("return")) return reply;
  const json found = find_node(node);
  for (const json& each : found["dirty-bitmaps"]) {
    if (each.value("name", "") != bitmap) continue;
    return {{"sha256", reply["return"]["sha256"]},
            {"count", each["count"]},
            {"granularity", each["granularity"]},
            {"size", found["image"]["virtual-size"]}};
  }
  throw SubjectFailure("QEMU hashes a bitmap that it does not list");
}

json QemuSubject::contents(const std::string& node) {
  constexpr std::uint64_t step = 1 << 20;
  const json found = find_node(node);
  if (found.is_null()) {
    return {{"error", {{"class", "GenericError"}, {"desc", "Node '" + node + "' not found"}}}};
  }
  const std::uint64_t length = found["image"]["virtual-size"].get<std::uint64_t>();
  json runs = json::array();
  for (std::uint64_t at = 0; at < length; at += step) {
    const std::uint64_t count = std::min(step, length - at);
    process().take_console();
    human(hmp::io_line(node, "read -v " + std::to_string(at) + " " + std::to_string(count)));
    std::vector<unsigned char> bytes;
    append_dump(process().take_console(), bytes);
    if (bytes.size() != count) throw SubjectFailure("QEMU cannot read " + node);
    append_runs(bytes, at, runs);
  }
  return runs;
}

}  // namespace

std::unique_ptr<Subject> make_qemu_subject(const std::string& program,
                                           const std::string& directory) {
  return std::make_unique<QemuSubject>(program, directory);
}

}  // namespace sim
