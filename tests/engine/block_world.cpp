// SPDX-License-Identifier: MIT
#include "tests/engine/block_world.h"

#include <utility>

namespace tests {
namespace {

using nlohmann::json;

/// One opening of a file that several may have open.
class Opening final : public io::Storage {
 public:
  Opening(std::shared_ptr<MemoryStorage> file, io::Access access)
      : file_(std::move(file)), access_(access) {}

  ByteCount size() const override { return file_->size(); }
  io::Access access() const override { return access_; }
  io::Task<void> set_access(io::Access access) override {
    access_ = access;
    return io::Task<void>::ready();
  }
  io::Task<void> resize(ByteCount size) override { return file_->resize(size); }
  io::Task<void> read(HostOffset offset, std::span<std::byte> buffer) override {
    return file_->read(offset, buffer);
  }
  io::Task<void> write(HostOffset offset, std::span<const std::byte> data) override {
    return file_->write(offset, data);
  }
  io::Task<void> write_zeroes(HostOffset offset, ByteCount length, io::Unmap unmap) override {
    return file_->write_zeroes(offset, length, unmap);
  }
  io::Task<void> flush() override { return file_->flush(); }

 private:
  std::shared_ptr<MemoryStorage> file_;
  io::Access access_;
};

std::unique_ptr<io::Storage> opening(std::shared_ptr<MemoryStorage> file, io::Access access) {
  auto below = std::make_unique<Opening>(std::move(file), access);
  return std::make_unique<io::CheckedStorage>(std::move(below), io::CheckedStorage::no_limit);
}

}  // namespace

io::Task<std::unique_ptr<io::Storage>> MemoryHost::open(const std::string& path, io::Access access,
                                                        io::Locking) {
  const auto found = files_.find(path);
  if (found == files_.end()) throw IoError(ENOENT, "Could not open '" + path + "'");
  return io::Task<std::unique_ptr<io::Storage>>::ready(opening(found->second, access));
}

io::Task<std::unique_ptr<io::Storage>> MemoryHost::create(const std::string& path) {
  files_[path] = std::make_shared<MemoryStorage>(&runtime_);
  return io::Task<std::unique_ptr<io::Storage>>::ready(
      opening(files_[path], io::Access::read_write));
}

MemoryStorage* MemoryHost::file(const std::string& path) {
  const auto found = files_.find(path);
  return found != files_.end() ? found->second.get() : nullptr;
}

BlockWorld::BlockWorld(std::uint64_t seed)
    : runtime_(std::make_unique<TestRuntime>(seed)), host_(*runtime_) {
  start();
}

void BlockWorld::start() {
  qmp::Sinks sinks;
  sinks.event = [this](const json& event) {
    if (event["event"] == "JOB_STATUS_CHANGE") {
      statuses_.push_back(event["data"]["status"]);
    } else {
      events_.push_back(event);
    }
  };
  sinks.console = [this](const std::string& text) { console += text; };
  monitor_ = std::make_unique<qmp::Monitor>(*runtime_, host_, std::move(sinks));
}

void BlockWorld::create(const std::string& file, const qcow2::CreateOptions& options) {
  const std::unique_ptr<io::Storage> storage = runtime_->run(host_.create(file));
  runtime_->run(qcow2::create(*storage, options));
}

void BlockWorld::create_raw(const std::string& file, std::uint64_t size) {
  const std::unique_ptr<io::Storage> storage = runtime_->run(host_.create(file));
  runtime_->run(storage->resize({size}));
}

void BlockWorld::drive(const std::string& id, const std::string& file, const std::string& options) {
  const std::string line = "drive_add 0 if=none,id=" + id + ",file=" + file + ",format=qcow2" +
                           (options.empty() ? "" : "," + options);
  const std::string answer = human(line);
  if (answer != "OK\r\n") throw std::runtime_error(answer);
}

json BlockWorld::execute(const json& request) { return runtime_->run(monitor_->execute(request)); }

json BlockWorld::qmp(const std::string& command, const json& arguments) {
  const json reply = execute({{"execute", command}, {"arguments", arguments}});
  return reply.contains("return") ? reply["return"] : reply["error"]["desc"];
}

std::string BlockWorld::human(const std::string& line) {
  return qmp("human-monitor-command", {{"command-line", line}});
}

std::string BlockWorld::unwrapped(const std::string& line) {
  return runtime_->run(monitor_->human(line));
}

std::string BlockWorld::io(const std::string& node, const std::string& command) {
  console.clear();
  const std::string answer = human("qemu-io " + node + " \"" + command + "\"");
  if (!answer.empty()) return answer;
  const bool failed = console.find("failed") != std::string::npos;
  return failed ? console.substr(0, console.find('\n')) : std::string();
}

json BlockWorld::wait(const std::string& name) {
  do {
    const auto found =
        std::ranges::find_if(events_, [&](const json& e) { return e["event"] == name; });
    if (found == events_.end()) continue;
    json event = *found;
    events_.erase(events_.begin(), found + 1);
    return event;
  } while (runtime_->step());
  return nullptr;
}

void BlockWorld::settle() {
  while (runtime_->step()) {
  }
}

json BlockWorld::bitmap(const std::string& device_or_node, const std::string& name) {
  json nodes = qmp("query-named-block-nodes");
  for (const json& device : qmp("query-block")) {
    if (device["device"] == device_or_node) nodes = json::array({device["inserted"]});
  }
  for (const json& node : nodes) {
    for (const json& bitmap : node.value("dirty-bitmaps", json::array())) {
      const bool wanted = nodes.size() == 1 || node["node-name"] == device_or_node;
      if (wanted && bitmap.value("name", "") == name) return bitmap;
    }
  }
  return nullptr;
}

json BlockWorld::dirty(const std::string& node, const std::string& name) {
  json ranges = json::array();
  for (const bitmap::Range& range : monitor_->dirty_ranges(node, name)) {
    ranges.push_back({range.start.value, range.length.value});
  }
  return ranges;
}

json BlockWorld::contents(const std::string& node) {
  std::vector<std::byte> bytes(monitor_->length(node).value);
  runtime_->run(monitor_->read(node, GuestOffset{0}, bytes));
  json runs = json::array();
  for (auto start = bytes.begin(); start != bytes.end();) {
    const auto end = std::find_if(start, bytes.end(), [&](std::byte b) { return b != *start; });
    runs.push_back({start - bytes.begin(), end - start, std::to_integer<int>(*start)});
    start = end;
  }
  return runs;
}

std::vector<std::string> BlockWorld::statuses() { return std::exchange(statuses_, {}); }

void BlockWorld::restart() {
  qmp("quit");
  settle();
  monitor_.reset();
  start();
}

void BlockWorld::kill() {
  monitor_.reset();
  runtime_->drop_all();
  start();
}

}  // namespace tests
