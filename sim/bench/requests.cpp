// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "engine/block/layer.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/io/task_group.h"
#include "sim/bench/contests.h"
#include "sim/subject.h"

namespace sim::bench {
namespace {

using engine::ByteCount;
using engine::GuestOffset;
using engine::block::Device;
using engine::io::Task;

constexpr std::uint64_t disk_bytes = 1 << 30;

enum class Direction { read, write };

/// One run of requests of the same size, each `step` bytes after the one before, wrapping at the
/// end of the disk: what `qemu-img bench` does with -c, -s, -S and -d.
struct Pattern {
  Direction direction;
  std::uint64_t count;
  std::uint64_t size;
  std::uint64_t step;
  unsigned depth;
};

/// The requests of a pattern, handed out one after the other to whoever is free.
class Requests {
 public:
  Requests(Device& device, const Pattern& pattern) : device_(device), pattern_(pattern) {}

  Task<void> work() {
    std::vector<std::byte> buffer(pattern_.size, std::byte{0x5a});
    while (left_ > 0) {
      --left_;
      const GuestOffset at{next_};
      next_ += pattern_.step;
      if (next_ + pattern_.size > disk_bytes) next_ = 0;
      if (pattern_.direction == Direction::read) {
        co_await device_.read(at, buffer);
      } else {
        co_await device_.write(at, buffer);
      }
    }
  }

 private:
  Device& device_;
  Pattern pattern_;
  std::uint64_t left_ = pattern_.count;
  std::uint64_t next_ = 0;
};

Task<void> all_requests(engine::io::Runtime& runtime, Device& device, const Pattern& pattern) {
  Requests requests(device, pattern);
  engine::io::TaskGroup workers(runtime);
  for (unsigned i = 0; i < pattern.depth; ++i) workers.spawn(requests.work());
  co_await workers.join();
}

double our_request_seconds(const std::string& file, const Pattern& pattern) {
  engine::io::FileLoop loop;
  engine::io::FileHost host;
  const auto ignore = [](const std::string&) {};
  engine::block::Layer layer(loop, host, {ignore, ignore});
  engine::block::OpenOptions options;
  options.filename = file;
  options.format = "qcow2";
  loop.run(layer.add_device("drive0", options));
  Device& device = *layer.find_device("drive0");
  const double seconds = seconds_of([&] { loop.run(all_requests(loop, device, pattern)); });
  loop.run(layer.close_all());
  return seconds;
}

double qemu_request_seconds(const std::string& file, const Pattern& pattern) {
  std::vector<std::string> command = {"qemu-img", "bench", "-t", "writeback", "-f", "qcow2"};
  if (pattern.direction == Direction::write) command.push_back("-w");
  for (const auto& [option, value] : {std::pair{"-c", pattern.count},
                                      {"-s", pattern.size},
                                      {"-S", pattern.step},
                                      {"-d", std::uint64_t{pattern.depth}}}) {
    command.push_back(option);
    command.push_back(std::to_string(value));
  }
  command.push_back(file);
  const std::string output = tool_output(command);
  const std::string before = "Run completed in ";
  const std::size_t found = output.find(before);
  if (found == std::string::npos) throw SubjectFailure("qemu-img bench printed: " + output);
  return std::stod(output.substr(found + before.size()));
}

/// `prepare` makes the image anew before each side's run, if it does anything.
Contest contest(const std::string& name, const std::string& work, double wanted,
                const Pattern& pattern, const std::string& file,
                const std::function<void()>& prepare) {
  auto run = [=](double (*side)(const std::string&, const Pattern&)) {
    prepare();
    return side(file, pattern);
  };
  return {name,
          work,
          "request",
          static_cast<double>(pattern.count),
          wanted,
          [run] { return run(our_request_seconds); },
          [run] { return run(qemu_request_seconds); }};
}

}  // namespace

std::vector<Contest> request_contests(const Setting& setting) {
  const std::string full = setting.workspace / "full.qcow2";
  const std::string fresh = setting.workspace / "fresh.qcow2";
  const std::string overlay = setting.workspace / "overlay.qcow2";
  auto made = std::make_shared<bool>(false);
  auto need_full = [=] {
    if (!std::exchange(*made, true)) make_full_image(full, disk_size);
  };
  auto need_uncached = [=] {
    need_full();
    drop_from_cache(full);
  };
  auto need_fresh = [=] { make_empty_image(fresh, disk_size); };
  auto need_overlay = [=] {
    need_full();
    make_overlay(overlay, full, false, disk_size);
  };
  constexpr std::uint64_t all_4k = disk_bytes / 4096, all_64k = disk_bytes / 65536;
  return {
      contest("read-4k", "4 KiB reads, 1 in flight", 5, {Direction::read, all_4k, 4096, 4096, 1},
              full, need_full),
      contest("overwrite-4k", "4 KiB overwrites, 1 in flight", 5,
              {Direction::write, all_4k, 4096, 4096, 1}, full, need_uncached),
      contest("allocate-64k", "64 KiB allocating writes, 1 in flight", 2,
              {Direction::write, all_64k, 65536, 65536, 1}, fresh, need_fresh),
      contest("cow-4k", "4 KiB copy-on-write writes, 1 in flight", 2,
              {Direction::write, all_64k, 4096, 65536, 1}, overlay, need_overlay),
      contest("read-4k-deep", "4 KiB reads, 32 in flight", 1,
              {Direction::read, all_4k, 4096, 4096, 32}, full, need_full),
  };
}

}  // namespace sim::bench
