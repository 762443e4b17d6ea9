// SPDX-License-Identifier: MIT
#include "engine/qmp/qemu_io.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/qmp/qemu_io_command.h"
#include "engine/qmp/qemu_io_text.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

constexpr std::byte default_pattern{0xcd};

/// Where requests go: the named device, or a nameless one of our own on top of a node. Requests
/// that outlast their command always get their own, which keeps the node.
class Target {
 public:
  Target(Session& session, const std::string& name, Waiting waiting) {
    block::Device* device = session.layer.find_device(name);
    if (device == nullptr || waiting == Waiting::asynchronous) {
      block::Node& node = *session.layer.find_node(name);
      own_ = std::make_unique<block::Device>(session.layer.graph(), std::string(), node);
      device = own_.get();
    }
    device_ = device;
  }
  block::Device& device() { return *device_; }

 private:
  std::unique_ptr<block::Device> own_;
  block::Device* device_;
};

bool changes_data(const IoCommand& command) {
  const Operation operation = command.operation;
  return operation == Operation::write || operation == Operation::discard;
}

std::string verify(const IoRequest& request, std::span<const std::byte> bytes) {
  if (!request.pattern) return {};
  const std::uint64_t skip = request.skip.value_or(0);
  const std::uint64_t length = request.verified.value_or(request.length - skip);
  const auto part = bytes.subspan(skip, length);
  const bool all = std::ranges::all_of(part, [&](std::byte b) { return b == *request.pattern; });
  if (all) return {};
  return "Pattern verification failed at offset " + std::to_string(request.offset + skip) + ", " +
         std::to_string(length) + " bytes\n";
}

io::Task<std::string> read(block::Device& device, const IoRequest& request) {
  std::vector<std::byte> buffer(request.length);
  const std::span<std::byte> bytes(buffer);
  const GuestOffset at{request.offset};
  co_await device.read(at, bytes);
  std::string text = verify(request, bytes);
  if (request.verbose && !request.quiet) text += dump_text(request.offset, bytes);
  co_return text;
}

io::Task<void> write(block::Device& device, const IoRequest& request) {
  const GuestOffset at{request.offset};
  const ByteCount length{request.length};
  if (request.zeroes) {
    co_await device.write_zeroes(at, length, request.unmap ? io::Unmap::yes : io::Unmap::no);
  } else {
    const std::vector<std::byte> buffer(request.length, request.pattern.value_or(default_pattern));
    const std::span<const std::byte> bytes(buffer);
    co_await device.write(at, bytes);
  }
  if (request.force_flush) co_await device.flush();
}

/// Carries out a request; answers what it prints apart from the report.
io::Task<std::string> transfer(block::Device& device, const IoRequest& request) {
  const GuestOffset at{request.offset};
  const ByteCount length{request.length};
  switch (request.command->operation) {
    case Operation::read:
      co_return co_await read(device, request);
    case Operation::write:
      co_await write(device, request);
      break;
    case Operation::discard:
      co_await device.discard(at, length);
      break;
    default:
      co_await device.flush();
      break;
  }
  co_return std::string();
}

std::string verb(Operation operation) {
  switch (operation) {
    case Operation::read:
      return "read";
    case Operation::write:
      return "wrote";
    default:
      return "discard";
  }
}

/// What qemu-io calls the request of a command when it fails (M32).
std::string failing_name(const IoCommand& command) {
  return command.name == "aio_read" ? "readv" : std::string(command.name);
}

/// Carries out a request and prints what came of it.
io::Task<void> carry_out(Session& session, block::Device& device, const IoRequest& request) {
  const io::Nanoseconds start = session.runtime.now();
  std::string text;
  try {
    text = co_await transfer(device, request);
    const bool reports = request.command->operation != Operation::flush && !request.quiet;
    if (reports) {
      text += report_text(verb(request.command->operation), request.offset, request.length,
                          session.runtime.now() - start);
    }
  } catch (const Refusal& refusal) {
    // A flush tells nobody.
    if (request.command->operation != Operation::flush) {
      // It prints the error's number in words and nothing of what was found.
      const auto* error = dynamic_cast<const IoError*>(&refusal);
      text = failing_name(*request.command) +
             " failed: " + (error != nullptr ? errno_text(error->code()) : refusal.what()) + "\n";
    }
  }
  if (!text.empty()) session.print(text);
}

/// A request to a node by its name takes its nameless device away when it is done, which drains the
/// node (M57). If it is there still.
io::Task<void> drain(Session& session, std::string target) {
  if (session.layer.find_device(target) != nullptr) co_return;
  const io::Mutex::Guard guard = co_await session.layer.changes().lock();
  const block::Node* node = session.layer.find_node(target);
  if (node == nullptr) co_return;
  block::DrainedSection drained(session.layer, *node);
  co_await drained.settle();
}

/// As carry_out, for a request that outlasts its command.
io::Task<void> carry_out_alone(Session& session, std::unique_ptr<Target> target,
                               IoRequest request) {
  const std::unique_ptr<Target> kept = std::move(target);
  co_await carry_out(session, kept->device(), request);
}

io::Task<void> begin(Session& session, std::string target, IoRequest request) {
  const Waiting waiting = request.command->waiting;
  auto place = std::make_unique<Target>(session, target, waiting);
  block::Device& device = place->device();
  if (request.command->operation == Operation::length) {
    session.print(size_text(static_cast<double>(device.root().length().value)) + "\n");
  } else if (request.command->operation == Operation::aio_flush) {
    co_await session.until_guests_done();
  } else if (waiting == Waiting::asynchronous) {
    session.guests.spawn(carry_out_alone(session, std::move(place), std::move(request)));
  } else {
    co_await carry_out(session, device, request);
  }
}

}  // namespace

io::Task<void> run_qemu_io(Session& session, std::string target, std::string command) {
  std::optional<IoRequest> request;
  bool refused = false;
  try {
    const IoLine line(command);
    if (line.command() != nullptr) {
      // Before the arguments are looked at.
      refused = changes_data(*line.command()) && session.layer.find_node(target)->refuses_guests();
      if (!refused) request = line.parse();
    }
  } catch (const Refusal& refusal) {
    session.print(std::string(refusal.what()) + "\n");
  }
  if (request) co_await begin(session, target, *request);
  co_await drain(session, target);
  if (refused) throw Refusal("Block node is read-only");
}

}  // namespace engine::qmp
