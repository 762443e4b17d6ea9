// SPDX-License-Identifier: MIT
#include "tests/engine/qmp_twin.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "engine/io/checked_storage.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/qmp/monitor.h"
#include "tests/catch.h"
#include "tests/engine/io_process.h"
#include "tests/engine/release.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

using namespace engine;
using nlohmann::json;

/// Our engine on real files, asked as QEMU is.
class Engine {
 public:
  Engine() : checked_(host_) { start(); }
  json execute(const std::string& command, const json& arguments) {
    const json request{{"execute", command}, {"arguments", arguments}};
    return loop_.run(monitor_->execute(request));
  }
  json wait(const std::string& event) {
    for (unsigned turns = 0; turns < 5000; ++turns) {
      for (; !events_.empty(); events_.pop_front()) {
        if (events_.front()["event"] != event) continue;
        const json data = events_.front()["data"];
        events_.pop_front();
        return data;
      }
      loop_.run(turn());
    }
    return "none came";
  }
  void restart() {
    execute("quit", json::object());
    monitor_.reset();
    start();
  }

 private:
  void start() {
    qmp::Sinks sinks;
    sinks.event = [this](const json& event) { events_.push_back(event); };
    monitor_ = std::make_unique<qmp::Monitor>(loop_, checked_, std::move(sinks));
  }
  io::Task<void> turn() { co_await io::sleep(loop_, std::chrono::milliseconds(1)); }

  io::FileLoop loop_;
  io::FileHost host_;
  io::CheckedHost checked_;
  std::deque<json> events_;
  std::unique_ptr<qmp::Monitor> monitor_;
};

/// The real one.
class Real {
 public:
  json execute(const std::string& command, const json& arguments) {
    return qemu_->execute(command, arguments);
  }
  json wait(const std::string& event) { return qemu_->wait(event); }
  void restart() {
    qemu_->quit();
    qemu_.emplace();
  }

 private:
  std::optional<Qemu> qemu_{std::in_place};
};

/// Has every `from` in the text read `to`; digits that follow one go with it.
void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    const auto digits = text.find_first_not_of("0123456789", at + from.size());
    text.replace(at, std::min(digits, text.size()) - at, to);
  }
}

/// Takes the bitmaps without a name out of what is told of a node.
void drop_unnamed(json& node) {
  json* bitmaps = node.contains("dirty-bitmaps") ? &node["dirty-bitmaps"] : nullptr;
  if (bitmaps == nullptr) return;
  std::erase_if(bitmaps->get_ref<json::array_t&>(),
                [](const json& bitmap) { return !bitmap.contains("name"); });
  if (bitmaps->empty()) node.erase("dirty-bitmaps");
}

json comparable(const json& value, const std::string& dir) {
  if (value.is_string()) {
    std::string text = value.get<std::string>();
    replace_all(text, "#block", "#block");
    replace_all(text, dir, "DIR");
    return text;
  }
  json result = value;
  if (value.is_array()) {
    for (json& item : result) item = comparable(item, dir);
  } else if (value.is_object()) {
    result.erase("actual-size");
    // Since then a job's own bitmap is kept by its filter.
    if (installed_release() >= sim::Version{10, 0, 0}) drop_unnamed(result);
    if (value.value("format", json()) == "file") result.erase("virtual-size");
    for (auto& [key, item] : result.items()) item = comparable(item, dir);
  }
  return result;
}

/// What a step shows on one side; DIR stands for the side's directory.
template <class Side>
json carry_out(Side& side, std::string line, const std::string& dir) {
  replace_all(line, "DIR", dir);
  if (line == "restart") return side.restart(), nullptr;
  if (line.starts_with("wait ")) return comparable(side.wait(line.substr(5)), dir);
  if (line.starts_with("$ ")) {
    return comparable(must_run({"sh", "-c", "cd " + dir + "; " + line.substr(2)}), dir);
  }
  if (line.starts_with("! ")) {
    return comparable(side.execute("human-monitor-command", {{"command-line", line.substr(2)}}),
                      dir);
  }
  const std::size_t blank = line.find(' ');
  const bool bare = blank == std::string::npos;
  const json arguments = bare ? json::object() : json::parse(line.substr(blank));
  return comparable(side.execute(line.substr(0, blank), arguments), dir);
}

}  // namespace

void compare_with_qemu(const std::string& story) {
  const TempDir ours;
  const TempDir theirs;
  Engine engine;
  Real qemu;
  std::istringstream lines(story);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    INFO(line);
    const json answer = carry_out(engine, line, ours.path());
    const json expected = carry_out(qemu, line, theirs.path());
    REQUIRE(answer == in_our_words(answer, expected));
  }
}

}  // namespace tests
