// SPDX-License-Identifier: MIT
// Numbers on the wire are big-endian. The handshake:
//   server: "NBDMAGIC" "IHAVEOPT" flags:16          client: flags:32
//   client: "IHAVEOPT" option:32 length:32 data     for each option; data of
//           NBD_OPT_SET_META_CONTEXT: length:32 name count:32 (length:32 query)…
//           NBD_OPT_GO:               length:32 name count:16
//   server: magic:64 option:32 type:32 length:32 data, until type is NBD_REP_ACK or an error
// A request is magic:32 flags:16 type:16 cookie:64 offset:64 length:32. Its simple reply is
// magic:32 error:32 cookie:64 and the data, a structured one is chunks of
// magic:32 flags:16 type:16 cookie:64 length:32 and the payload, until one has the flag "done".
#include "sim/nbd_reader.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sim/interrupt.h"
#include "sim/qmp_door.h"
#include "sim/subject.h"

namespace sim {

using std::chrono::steady_clock;

namespace {

constexpr std::uint64_t hello = 0x4e42444d41474943, have_options = 0x49484156454f5054;
constexpr std::uint64_t option_reply = 0x3e889045565a9;
constexpr std::uint32_t fixed_newstyle_without_zeroes = 3;
constexpr std::uint32_t option_go = 7, option_structured = 8, option_context = 10;
constexpr std::uint32_t reply_acknowledged = 1, reply_info = 3, reply_context = 4;
constexpr std::uint32_t reply_refused = 1u << 31;
constexpr std::uint32_t info_export = 0;

constexpr std::uint16_t command_read = 0, command_status = 7;
constexpr std::uint32_t request_magic = 0x25609513;
constexpr std::uint32_t simple_magic = 0x67446698, structured_magic = 0x668e33ef;
constexpr std::uint64_t cookie = 1;
constexpr std::uint64_t chunk_done = 1;
constexpr std::uint64_t chunk_none = 0, chunk_data = 1, chunk_hole = 2, chunk_status = 5;
constexpr std::uint64_t chunk_error = 1u << 15;
/// The type that a simple reply has here.
constexpr std::uint64_t simple_reply = 1u << 16;

/// Text of numbers as they go over the wire.
class Packet {
 public:
  Packet& number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) text_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  Packet& text(const std::string& value) {
    text_ += value;
    return *this;
  }
  /// With its length in front.
  Packet& counted(const std::string& value) { return number(value.size(), 4).text(value); }
  const std::string& bytes() const { return text_; }

 private:
  std::string text_;
};

void require(bool holds, const std::string& what) {
  if (!holds) throw SubjectFailure("NBD server: " + what);
}

std::uint64_t number_at(std::span<const unsigned char> bytes) {
  std::uint64_t value = 0;
  for (const unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

NbdReader::NbdReader(const NbdExport& wanted, Deadline deadline)
    : socket_(connect_to(wanted.path)), deadline_(deadline) {
  require(socket_.number() >= 0, "does not listen");
  handshake(wanted);
}

void NbdReader::handshake(const NbdExport& wanted) {
  require(receive_number(8) == hello && receive_number(8) == have_options, "greets otherwise");
  require((receive_number(2) & fixed_newstyle_without_zeroes) == fixed_newstyle_without_zeroes,
          "speaks an old dialect");
  send(Packet().number(fixed_newstyle_without_zeroes, 4).bytes());
  const auto nothing = [](std::uint64_t, std::uint64_t) { return std::uint64_t{0}; };
  structured_ = negotiate(option_structured, "", nothing);
  if (structured_) {
    const Packet query = Packet().counted(wanted.name).number(1, 4).counted(wanted.context);
    negotiate(option_context, query.bytes(), [this](std::uint64_t type, std::uint64_t left) {
      if (type != reply_context || left < 4) return std::uint64_t{0};
      context_ = receive_number(4);
      return std::uint64_t{4};
    });
  }
  const Packet go = Packet().counted(wanted.name).number(0, 2);
  const bool granted = negotiate(option_go, go.bytes(), [this](auto type, auto left) {
    if (type != reply_info || left < 10) return std::uint64_t{0};
    const bool tells_size = receive_number(2) == info_export;
    const std::uint64_t value = receive_number(8);
    if (tells_size) size_ = value;
    return std::uint64_t{10};
  });
  require(granted, "refuses the export");
}

template <class Use>
bool NbdReader::negotiate(std::uint32_t option, const std::string& data, const Use& use) {
  send(Packet().number(have_options, 8).number(option, 4).counted(data).bytes());
  while (true) {
    require(receive_number(8) == option_reply && receive_number(4) == option, "answers otherwise");
    const std::uint64_t type = receive_number(4), length = receive_number(4);
    skip(length - use(type, length));
    if (type == reply_acknowledged) return true;
    if ((type & reply_refused) != 0) return false;
  }
}

void NbdReader::request(std::uint16_t command, std::uint64_t offset, std::uint64_t length) {
  send(Packet()
           .number(request_magic, 4)
           .number(0, 2)
           .number(command, 2)
           .number(cookie, 8)
           .number(offset, 8)
           .number(length, 4)
           .bytes());
}

NbdReader::Chunk NbdReader::next_chunk() {
  const std::uint64_t magic = receive_number(4);
  const bool structured = magic == structured_magic && structured_;
  require(structured || magic == simple_magic, "replies otherwise");
  const std::uint64_t flags = structured ? receive_number(2) : chunk_done;
  const std::uint64_t type_or_error = receive_number(structured ? 2 : 4);
  require(receive_number(8) == cookie, "replies to something else");
  if (!structured) {
    if (type_or_error != 0) fail(type_or_error);
    return {simple_reply, 0, true};
  }
  const std::uint64_t left = receive_number(4);
  if ((type_or_error & chunk_error) != 0) fail(left >= 4 ? receive_number(4) : 0);
  return {type_or_error, left, (flags & chunk_done) != 0};
}

void NbdReader::fail(std::uint64_t error) {
  throw SubjectFailure(std::string("NBD server: cannot read: ") +
                       std::strerror(static_cast<int>(error)));
}

void NbdReader::read(std::uint64_t offset, std::span<unsigned char> bytes) {
  request(command_read, offset, bytes.size());
  std::fill(bytes.begin(), bytes.end(), 0);
  std::uint64_t filled = 0;
  for (bool last = false; !last;) {
    const Chunk chunk = next_chunk();
    read_chunk(chunk, offset, bytes, filled);
    last = chunk.last;
  }
  require(filled == bytes.size(), "does not send all that was asked for");
}

void NbdReader::read_chunk(const Chunk& chunk, std::uint64_t offset, std::span<unsigned char> bytes,
                           std::uint64_t& filled) {
  if (chunk.type == chunk_none && chunk.left == 0) return;
  if (chunk.type == simple_reply) {
    receive(bytes);
    filled = bytes.size();
    return;
  }
  const bool hole = chunk.type == chunk_hole && chunk.left == 12;
  require(hole || (chunk.type == chunk_data && chunk.left > 8), "replies with another chunk");
  const std::uint64_t start = receive_number(8) - offset;
  const std::uint64_t length = hole ? receive_number(4) : chunk.left - 8;
  require(start <= bytes.size() && length <= bytes.size() - start, "sends what nobody asked for");
  if (!hole) receive(bytes.subspan(start, length));
  filled += length;
}

std::vector<NbdReader::Extent> NbdReader::status(std::uint64_t offset, std::uint64_t length) {
  constexpr std::uint64_t most_extents = 1 << 20;
  request(command_status, offset, length);
  std::vector<Extent> extents;
  for (bool last = false; !last;) {
    const Chunk chunk = next_chunk();
    last = chunk.last;
    if (chunk.type == chunk_none && chunk.left == 0) continue;
    require(chunk.type == chunk_status && chunk.left >= 12 && chunk.left % 8 == 4 &&
                chunk.left / 8 <= most_extents && extents.empty(),
            "replies with another chunk");
    require(receive_number(4) == *context_, "tells of another context");
    std::vector<unsigned char> payload(chunk.left - 4);
    receive(payload);
    for (std::size_t at = 0; at < payload.size(); at += 8) {
      const std::span<const unsigned char> extent = std::span(payload).subspan(at, 8);
      const std::uint64_t told = number_at(extent.first(4));
      require(told > 0, "tells of an extent without length");
      const std::uint64_t inside = std::min(told, length);
      if (inside > 0) {
        extents.push_back({inside, static_cast<std::uint32_t>(number_at(extent.last(4)))});
      }
      length -= inside;
    }
  }
  require(!extents.empty(), "does not tell the status that was asked for");
  return extents;
}

void NbdReader::check_time() const {
  InterruptGuard::check();
  if (steady_clock::now() >= deadline_) {
    throw SubjectHang("NBD server: did not come to its end within the limit");
  }
}

void NbdReader::wait(short events) {
  constexpr int slice_ms = 50;
  pollfd wait{socket_.number(), events, 0};
  while (poll(&wait, 1, slice_ms) <= 0) check_time();
}

void NbdReader::send(std::string_view bytes) {
  while (!bytes.empty()) {
    check_time();
    const ssize_t count = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    require(count > 0 || errno == EAGAIN || errno == EINTR, "closed the connection");
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else {
      wait(POLLOUT);
    }
  }
}

void NbdReader::receive(std::span<unsigned char> bytes) {
  while (!bytes.empty()) {
    check_time();
    const ssize_t count = recv(socket_.number(), bytes.data(), bytes.size(), 0);
    require(count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)),
            "closed the connection");
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else {
      wait(POLLIN);
    }
  }
}

std::uint64_t NbdReader::receive_number(unsigned bytes) {
  std::array<unsigned char, 8> buffer;
  receive(std::span(buffer).first(bytes));
  return number_at(std::span(buffer).first(bytes));
}

void NbdReader::skip(std::uint64_t bytes) {
  std::array<unsigned char, 4096> unused;
  for (std::uint64_t part; bytes > 0; bytes -= part) {
    part = std::min<std::uint64_t>(bytes, unused.size());
    receive(std::span(unused).first(part));
  }
}

}  // namespace sim
