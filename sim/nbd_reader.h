// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "sim/child.h"

namespace sim {

/// A client of an NBD server that only reads: the fixed newstyle handshake, NBD_OPT_GO, and simple
/// replies, as https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md has them. Waits
/// end with a UsageError when they take longer than the limit or we are interrupted; a server that
/// refuses or breaks the protocol is a SubjectFailure.
class NbdReader {
 public:
  /// Connects to the unix socket at `path` and asks for the export of that name.
  NbdReader(const std::string& path, const std::string& name, std::chrono::milliseconds limit);

  /// The size of the export in bytes.
  std::uint64_t size() const { return size_; }
  /// Fills `bytes` with what lies at `offset`. Requires that this is within the export, and at most
  /// `most_at_once` bytes.
  void read(std::uint64_t offset, std::span<unsigned char> bytes);

  /// A server may refuse longer requests.
  static constexpr std::uint64_t most_at_once = 4 << 20;

 private:
  void handshake(const std::string& name);
  /// The replies to NBD_OPT_GO, until it is acknowledged.
  void go(const std::string& name);
  void send(std::string_view bytes);
  void receive(std::span<unsigned char> bytes);
  std::uint64_t receive_number(unsigned bytes);
  void skip(std::uint64_t bytes);
  void wait(short events);

  Descriptor socket_;
  std::chrono::milliseconds limit_;
  std::uint64_t size_ = 0;
};

}  // namespace sim
