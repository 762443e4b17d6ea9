// SPDX-License-Identifier: MIT
#include "engine/qmp/human_monitor.h"

#include <optional>
#include <utility>
#include <vector>

#include "engine/block/blockdev.h"
#include "engine/error.h"
#include "engine/qmp/drive_options.h"
#include "engine/qmp/qemu_io.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

/// Takes the words of a line one by one; a word with blanks in it stands in double quotes.
class Words {
 public:
  explicit Words(const std::string& line) : line_(line) {}

  bool at_end() {
    while (place_ < line_.size() && is_blank(line_[place_])) ++place_;
    return place_ == line_.size();
  }
  std::optional<std::string> next() {
    if (at_end()) return std::nullopt;
    return line_[place_] == '"' ? quoted() : plain();
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  std::string plain() {
    const std::size_t start = place_;
    while (place_ < line_.size() && !is_blank(line_[place_])) ++place_;
    return line_.substr(start, place_ - start);
  }
  std::string quoted() {
    std::string word;
    for (++place_; place_ < line_.size() && line_[place_] != '"'; ++place_) {
      if (line_[place_] == '\\' && place_ + 1 < line_.size()) ++place_;
      std::size_t end = place_ + 1;
      while (end < line_.size() && line_[end] != '"' && line_[end] != '\\') ++end;
      word.append(line_, place_, end - place_);
      place_ = end - 1;
    }
    if (place_ < line_.size()) ++place_;
    return word;
  }

  const std::string& line_;
  std::size_t place_ = 0;
};

std::string usage_error(const std::string& command, const std::string& what) {
  return command + ": " + what + "\r\nTry \"help " + command + "\" for more information\r\n";
}

io::Task<std::string> drive_add(Session& session, Words words) {
  const std::optional<std::string> address = words.next();
  const std::optional<std::string> options = words.next();
  if (!address || !options) co_return usage_error("drive_add", "string expected");
  const std::string default_id = "none" + std::to_string(session.layer.devices().size());
  DriveOptions drive = parse_drive_options(*options, default_id);
  std::string answer = "OK\r\n";
  try {
    co_await session.layer.add_device(drive.id, drive.open);
  } catch (const Refusal& refusal) {
    answer = std::string(refusal.what()) + "\r\n";
    if (!refusal.hint().empty()) answer += refusal.hint() + "\r\n";
  }
  co_return answer;
}

io::Task<std::string> drive_del(Session& session, Words words) {
  const std::optional<std::string> id = words.next();
  if (!id) co_return usage_error("drive_del", "block device name expected");
  if (session.layer.graph().find(*id) != nullptr) {
    co_await block::delete_node(session.layer, *id);
    co_return std::string();
  }
  block::Device* device = session.layer.find_device(*id);
  if (device == nullptr) throw Refusal("Device '" + *id + "' not found");
  session.layer.require_not_busy(device->root(), device->id());
  co_await session.until_guests_done();
  co_await session.layer.remove_device(*device);
  co_return std::string();
}

io::Task<std::string> qemu_io(Session& session, Words words) {
  std::optional<std::string> target = words.next();
  if (target == "-d") target = words.next();
  if (!target) co_return usage_error("qemu-io", "block device name expected");
  const std::optional<std::string> command = words.next();
  if (!command) co_return usage_error("qemu-io", "string expected");
  if (!words.at_end()) {
    co_return usage_error("qemu-io", "extraneous characters at the end of line");
  }
  if (session.layer.find_node(*target) == nullptr) {
    co_return "Error: Cannot find device='' nor node-name='" + *target + "'\r\n";
  }
  co_await run_qemu_io(session, *target, *command);
  co_return std::string();
}

io::Task<std::string> dispatch(Session& session, const std::string& line) {
  Words words(line);
  const std::optional<std::string> name = words.next();
  if (!name) return io::Task<std::string>::ready(std::string());
  if (name == "drive_add") return drive_add(session, words);
  if (name == "drive_del") return drive_del(session, words);
  if (name == "qemu-io") return qemu_io(session, words);
  return io::Task<std::string>::ready("unknown command: '" + *name + "'\r\n");
}

/// Has reports go into a human monitor's reply while a command runs.
class Listening {
 public:
  Listening(Session& session, std::string& reply) : session_(session) {
    session_.human_reply = &reply;
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { session_.human_reply = nullptr; }

 private:
  Session& session_;
};

}  // namespace

io::Task<std::string> human_command(Session& session, std::string line) {
  std::string reply;
  const Listening listening(session, reply);
  try {
    io::Task<std::string> work = dispatch(session, line);
    const std::string text = co_await work;
    reply += text;
  } catch (const Refusal& refusal) {
    reply += std::string(refusal.what()) + "\r\n";
  }
  co_return reply;
}

}  // namespace engine::qmp
