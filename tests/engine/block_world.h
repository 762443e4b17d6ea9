// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/io/checked_storage.h"
#include "engine/qcow2/image.h"
#include "engine/qmp/monitor.h"
#include "tests/engine/memory_storage.h"

namespace tests {

/// Files in memory by name; every opening obeys the checked contract of storage.
class MemoryHost final : public io::Host {
 public:
  explicit MemoryHost(TestRuntime& runtime) : runtime_(runtime) {}

  io::Task<std::unique_ptr<io::Storage>> open(const std::string& path, io::Access access,
                                              io::Locking locking) override;
  io::Task<std::unique_ptr<io::Storage>> create(const std::string& path) override;
  /// The file of that name; null if there is none.
  MemoryStorage* file(const std::string& path);

 private:
  TestRuntime& runtime_;
  std::map<std::string, std::shared_ptr<MemoryStorage>> files_;
};

/// One engine process over files in memory, spoken to as a client would.
class BlockWorld {
 public:
  explicit BlockWorld(std::uint64_t seed = 1);

  MemoryHost& host() { return host_; }
  void create(const std::string& file, const qcow2::CreateOptions& options);
  void create_raw(const std::string& file, std::uint64_t size);
  /// Plugs FILE as a qcow2 drive; `options` are further ones of drive_add.
  void drive(const std::string& id, const std::string& file, const std::string& options = "");

  /// A request and its reply, whole.
  nlohmann::json execute(const nlohmann::json& request);
  /// What is under "return", or the error's text.
  nlohmann::json qmp(const std::string& command,
                     const nlohmann::json& arguments = nlohmann::json::object());
  std::string human(const std::string& line);
  /// The same, not wrapped in a request.
  std::string unwrapped(const std::string& line);
  /// qemu-io on a device or node: the failures it printed, or nothing.
  std::string io(const std::string& node, const std::string& command);
  /// Lets everybody go on until an event of that name has come; null if none can come.
  nlohmann::json wait(const std::string& event);
  /// Lets one of those that can go on do so; false if nobody can.
  bool step() { return runtime_->step(); }
  /// Lets everybody go on until nobody can.
  void settle();

  /// The bitmap as query-named-block-nodes or query-block shows it; null if there is none.
  nlohmann::json bitmap(const std::string& device_or_node, const std::string& name);
  /// The dirty runs of a bitmap: [[start, bytes], …].
  nlohmann::json dirty(const std::string& node, const std::string& name);
  /// What a guest reads, in runs of one byte: [[start, bytes, byte], …].
  nlohmann::json contents(const std::string& node);
  /// The statuses that jobs went through, in order, and forgets them.
  std::vector<std::string> statuses();

  /// Quits and starts anew; the files stay.
  void restart();
  /// Dies at once and starts anew.
  void kill();

  std::string console;

 private:
  void start();

  std::unique_ptr<TestRuntime> runtime_;
  MemoryHost host_;
  std::deque<nlohmann::json> events_;
  std::vector<std::string> statuses_;
  std::unique_ptr<qmp::Monitor> monitor_;
};

}  // namespace tests
