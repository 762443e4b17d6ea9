// SPDX-License-Identifier: MIT
#include "sim/qemu_contents.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "sim/hmp.h"
#include "sim/nbd_reader.h"
#include "sim/subject.h"
#include "sim/temporary_directory.h"

namespace sim {

using nlohmann::json;

namespace {

/// Adds the runs of equal bytes, in the shape of model::contents.
void append_runs(const std::vector<unsigned char>& bytes, std::uint64_t offset, json& runs) {
  for (auto at = bytes.begin(); at != bytes.end();) {
    const auto end = std::find_if(at, bytes.end(), [&](unsigned char byte) { return byte != *at; });
    runs.push_back({offset + static_cast<std::uint64_t>(at - bytes.begin()),
                    static_cast<std::uint64_t>(end - at), json::array({*at})});
    at = end;
  }
}

/// A server with one export; both go with this.
class Export {
 public:
  Export(QemuProcess& process, const std::string& node_name) : process_(process) {
    const json address{{"type", "unix"}, {"data", {{"path", path()}}}};
    serves_ = succeeds("nbd-server-start", {{"addr", address}});
    exports_ =
        serves_ && succeeds("block-export-add",
                            {{"type", "nbd"}, {"id", id}, {"name", id}, {"node-name", node_name}});
  }
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

  bool exports() const { return exports_; }
  std::string path() const { return directory_ / "nbd"; }
  /// Ends both, and leaves no event behind.
  void close() {
    if (serves_) succeeds("nbd-server-stop", json::object());
    if (exports_) process_.take_event("BLOCK_EXPORT_DELETED");
  }

  static constexpr const char* id = "blocktwin-contents";

 private:
  bool succeeds(const char* command, const json& arguments) {
    return process_.ask({{"execute", command}, {"arguments", arguments}}).contains("return");
  }

  TemporaryDirectory directory_{parent_of_sockets()};
  QemuProcess& process_;
  bool serves_ = false, exports_ = false;
};

/// Nothing if it breaks off: if the process broke, its next answer tells more.
std::optional<json> read_all(const std::string& path, std::uint64_t length,
                             std::chrono::milliseconds limit) try {
  NbdReader reader(path, Export::id, limit);
  if (reader.size() != length) return std::nullopt;
  json runs = json::array();
  std::vector<unsigned char> bytes;
  for (std::uint64_t at = 0; at < length; at += bytes.size()) {
    bytes.resize(std::min(NbdReader::most_at_once, length - at));
    reader.read(at, bytes);
    append_runs(bytes, at, runs);
  }
  return runs;
} catch (const SubjectFailure&) {
  return std::nullopt;
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

}  // namespace

std::optional<json> exported_contents(QemuProcess& process, const std::string& node_name,
                                      std::uint64_t length, std::chrono::milliseconds limit) {
  Export disk(process, node_name);
  std::optional<json> contents;
  if (disk.exports()) contents = read_all(disk.path(), length, limit);
  disk.close();
  return contents;
}

std::optional<json> printed_contents(QemuProcess& process, const std::string& node,
                                     std::uint64_t length) {
  constexpr std::uint64_t most_at_once = 1 << 20;
  json runs = json::array();
  for (std::uint64_t at = 0; at < length; at += most_at_once) {
    const std::uint64_t count = std::min(most_at_once, length - at);
    process.take_console();
    const std::string command = "read -v " + std::to_string(at) + " " + std::to_string(count);
    process.ask(hmp::request(hmp::io_line(node, command)));
    std::vector<unsigned char> bytes;
    append_dump(process.take_console(), bytes);
    if (bytes.size() != count) return std::nullopt;
    append_runs(bytes, at, runs);
  }
  return runs;
}

}  // namespace sim
