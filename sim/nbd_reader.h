// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/child.h"

namespace sim {

/// What a client asks of an NBD server.
struct NbdExport {
  std::string path;     ///< of the server's unix socket
  std::string name;     ///< of the export
  std::string context;  ///< the metadata context that status() is about, e.g. "base:allocation"
};

/// A client of an NBD server that only reads: the fixed newstyle handshake, NBD_OPT_GO, one
/// metadata context, simple and structured replies, as
/// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md has them. Nothing that the
/// server sends takes more memory than what was asked for. All waits end at the deadline with a
/// SubjectHang, or with a UsageError when we are interrupted; a server that refuses or breaks the
/// protocol is a SubjectFailure.
class NbdReader {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Connects and asks for the export.
  NbdReader(const NbdExport& wanted, Deadline deadline);

  /// The size of the export in bytes.
  std::uint64_t size() const { return size_; }
  /// Fills `bytes` with what lies at `offset`. Requires that this is within the export, and at most
  /// `most_at_once` bytes.
  void read(std::uint64_t offset, std::span<unsigned char> bytes);

  /// Whether the server has the context that was asked for.
  bool tells_status() const { return context_.has_value(); }
  /// A run of bytes with the same flags of the context.
  struct Extent {
    std::uint64_t length;
    std::uint32_t flags;
  };
  /// The extents from `offset` on; at least one, and within `length` bytes, but not always all of
  /// them. Requires tells_status(), and at most `most_of_status` bytes within the export.
  std::vector<Extent> status(std::uint64_t offset, std::uint64_t length);

  /// A server may refuse longer requests.
  static constexpr std::uint64_t most_at_once = 4 << 20;
  static constexpr std::uint64_t most_of_status = 0xffff0000;

 private:
  /// The head of a reply, or of one of its chunks.
  struct Chunk {
    std::uint64_t type;
    std::uint64_t left;  ///< bytes of payload
    bool last;
  };

  void handshake(const NbdExport& wanted);
  /// Whether the server grants an option; `use` reads what it tells meanwhile, and answers how many
  /// bytes of it.
  template <class Use>
  bool negotiate(std::uint32_t option, const std::string& data, const Use& use);
  void request(std::uint16_t command, std::uint64_t offset, std::uint64_t length);
  Chunk next_chunk();
  [[noreturn]] static void fail(std::uint64_t error);
  void read_chunk(const Chunk& chunk, std::uint64_t offset, std::span<unsigned char> bytes,
                  std::uint64_t& filled);
  void send(std::string_view bytes);
  void receive(std::span<unsigned char> bytes);
  std::uint64_t receive_number(unsigned bytes);
  void skip(std::uint64_t bytes);
  void wait(short events);
  void check_time() const;

  Descriptor socket_;
  Deadline deadline_;
  std::uint64_t size_ = 0;
  bool structured_ = false;
  std::optional<std::uint64_t> context_;  ///< its number
};

}  // namespace sim
