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

/// What looks like a disk and is none takes no more memory than this many runs do.
constexpr std::size_t most_runs = 1'000'000;

/// Adds a run, in the shape of model::contents.
void append_run(std::uint64_t start, std::uint64_t length, unsigned char byte, json& runs) {
  if (!runs.empty() && runs.back()[2][0] == byte) {
    runs.back()[1] = runs.back()[1].get<std::uint64_t>() + length;
    return;
  }
  if (runs.size() >= most_runs) throw SubjectFailure("shows more than a million runs of bytes");
  runs.push_back({start, length, json::array({byte})});
}

/// Adds the runs of equal bytes. Requires that they follow on what is there.
void append_runs(const std::vector<unsigned char>& bytes, std::uint64_t offset, json& runs) {
  for (auto at = bytes.begin(); at != bytes.end();) {
    const auto end = std::find_if(at, bytes.end(), [&](unsigned char byte) { return byte != *at; });
    append_run(offset + static_cast<std::uint64_t>(at - bytes.begin()),
               static_cast<std::uint64_t>(end - at), *at, runs);
    at = end;
  }
}

/// A server with one export; both go with close().
class Export {
 public:
  /// `bitmap` is exported as well, unless its name is empty.
  Export(QemuProcess& process, const std::string& node_name, const std::string& bitmap = {})
      : process_(process) {
    const json address{{"type", "unix"}, {"data", {{"path", path()}}}};
    json wanted{{"type", "nbd"}, {"id", name}, {"name", name}, {"node-name", node_name}};
    if (!bitmap.empty()) wanted["bitmaps"] = {bitmap};
    serves_ = succeeds(process, "nbd-server-start", {{"addr", address}});
    exports_ = serves_ && succeeds(process, "block-export-add", wanted);
  }
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

  bool exports() const { return exports_; }
  NbdReader reader(const std::string& context) const {
    return NbdReader({path(), name, context}, process_.limit());
  }
  /// Ends both, and leaves no event behind.
  void close() {
    if (serves_) succeeds(process_, "nbd-server-stop", json::object());
    if (exports_) process_.take_event("BLOCK_EXPORT_DELETED");
  }

  static bool succeeds(QemuProcess& process, const char* command, const json& arguments) {
    return process.ask({{"execute", command}, {"arguments", arguments}}).contains("return");
  }

  static constexpr const char* name = "blocktwin-contents";

 private:
  std::string path() const { return directory_ / "nbd"; }

  TemporaryDirectory directory_{parent_of_sockets()};
  QemuProcess& process_;
  bool serves_ = false, exports_ = false;
};

/// What `look` reads of an export that is there. Where that breaks off and the process broke, its
/// next answer tells more.
template <class Look>
std::optional<json> looked_at(Export& disk, const Look& look) {
  std::optional<json> seen;
  try {
    if (disk.exports()) seen = look();
  } catch (const SubjectHang&) {
    throw;
  } catch (const SubjectFailure&) {
    disk.close();
    throw;
  }
  disk.close();
  return seen;
}

/// Calls use(offset, length, flags) for all extents of an export; where the server tells none, for
/// the whole, without flags.
template <class Use>
void for_each_extent(NbdReader& reader, const Use& use) {
  if (!reader.tells_status()) return use(std::uint64_t{0}, reader.size(), std::uint32_t{0});
  for (std::uint64_t at = 0; at < reader.size();) {
    const std::uint64_t length = std::min(NbdReader::most_of_status, reader.size() - at);
    for (const NbdReader::Extent& extent : reader.status(at, length)) {
      use(at, extent.length, extent.flags);
      at += extent.length;
    }
  }
}

json read_all(NbdReader& reader) {
  constexpr std::uint32_t reads_as_zero = 2;
  json runs = json::array();
  std::vector<unsigned char> bytes;
  for_each_extent(reader, [&](std::uint64_t start, std::uint64_t length, std::uint32_t flags) {
    const bool zero = (flags & reads_as_zero) != 0;
    // What is short is read all the same, to hold the server to its word.
    if (zero && length >= NbdReader::most_at_once) return append_run(start, length, 0, runs);
    for (const std::uint64_t end = start + length; start < end; start += bytes.size()) {
      bytes.resize(std::min(NbdReader::most_at_once, end - start));
      reader.read(start, bytes);
      append_runs(bytes, start, runs);
    }
  });
  return runs;
}

json dirty_runs(NbdReader& reader) {
  constexpr std::uint32_t dirty = 1;
  json runs = json::array();
  for_each_extent(reader, [&](std::uint64_t start, std::uint64_t length, std::uint32_t flags) {
    if ((flags & dirty) == 0) return;
    if (runs.size() >= most_runs) throw SubjectFailure("shows more than a million dirty runs");
    runs.push_back({start, length});
  });
  return runs;
}

/// A disk may end within a sector, and queries round that up.
void check_size(const json& node, std::uint64_t exported) {
  constexpr std::uint64_t sector = 512;
  const std::uint64_t told = node["image"]["virtual-size"].get<std::uint64_t>();
  if (told < exported || told - exported >= sector) {
    throw SubjectFailure("tells that virtual-size is " + std::to_string(told) + ", and exports " +
                         std::to_string(exported) + " bytes");
  }
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
                                      std::uint64_t length) {
  Export disk(process, node_name);
  return looked_at(disk, [&]() -> std::optional<json> {
    NbdReader reader = disk.reader("base:allocation");
    if (reader.size() != length) return std::nullopt;
    return read_all(reader);
  });
}

std::optional<json> printed_contents(QemuProcess& process, const std::string& node,
                                     std::uint64_t length) {
  constexpr std::uint64_t most_at_once = 1 << 20;
  json runs = json::array();
  for (std::uint64_t at = 0; at < length; at += most_at_once) {
    const std::uint64_t count = std::min(most_at_once, length - at);
    process.forget_printed();
    const std::string command = "read -v " + std::to_string(at) + " " + std::to_string(count);
    process.ask(hmp::request(hmp::io_line(node, command)));
    std::vector<unsigned char> bytes;
    append_dump(process.take_console(), bytes);
    if (bytes.size() != count) return std::nullopt;
    append_runs(bytes, at, runs);
  }
  return runs;
}

std::optional<json> exported_bits(QemuProcess& process, const json& node, const json& listed) {
  constexpr const char* copy = "blocktwin-bits";
  const std::string node_name = node["node-name"];
  const json place{{"node", node_name}, {"name", copy}};
  json added = place;
  added.update({{"granularity", listed["granularity"]}, {"disabled", true}});
  if (!Export::succeeds(process, "block-dirty-bitmap-add", added)) return std::nullopt;
  std::optional<json> runs;
  if (Export::succeeds(process, "block-dirty-bitmap-merge",
                       {{"node", node_name}, {"target", copy}, {"bitmaps", {listed["name"]}}})) {
    Export disk(process, node_name, copy);
    runs = looked_at(disk, [&]() -> std::optional<json> {
      NbdReader reader = disk.reader(std::string("qemu:dirty-bitmap:") + copy);
      if (!reader.tells_status()) return std::nullopt;
      check_size(node, reader.size());
      return dirty_runs(reader);
    });
  }
  Export::succeeds(process, "block-dirty-bitmap-remove", place);
  return runs;
}

}  // namespace sim
