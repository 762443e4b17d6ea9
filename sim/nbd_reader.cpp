// SPDX-License-Identifier: MIT
// Numbers on the wire are big-endian. The handshake:
//   server: "NBDMAGIC" "IHAVEOPT" flags:16          client: flags:32
//   client: "IHAVEOPT" option:32 length:32 data     (data of NBD_OPT_GO: length:32 name count:16)
//   server: magic:64 option:32 type:32 length:32 data, until type is NBD_REP_ACK
// A request is magic:32 flags:16 type:16 cookie:64 offset:64 length:32, its simple reply
// magic:32 error:32 cookie:64 and the data.
#include "sim/nbd_reader.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "engine/check.h"
#include "sim/interrupt.h"
#include "sim/qmp_door.h"
#include "sim/subject.h"
#include "sim/usage_error.h"

namespace sim {

using std::chrono::steady_clock;

namespace {

constexpr std::uint64_t hello = 0x4e42444d41474943, have_options = 0x49484156454f5054;
constexpr std::uint64_t option_reply = 0x3e889045565a9;
constexpr std::uint32_t request_magic = 0x25609513, reply_magic = 0x67446698;
constexpr std::uint32_t fixed_newstyle_without_zeroes = 3;
constexpr std::uint32_t option_go = 7;
constexpr std::uint32_t reply_acknowledged = 1, reply_info = 3, reply_refused = 1u << 31;
constexpr std::uint32_t info_export = 0;

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
  const std::string& bytes() const { return text_; }

 private:
  std::string text_;
};

void require(bool holds, const char* what) {
  if (!holds) throw SubjectFailure(std::string("NBD server: ") + what);
}

}  // namespace

NbdReader::NbdReader(const std::string& path, const std::string& name,
                     std::chrono::milliseconds limit)
    : socket_(connect_to(path)), limit_(limit) {
  require(socket_.number() >= 0, "does not listen");
  handshake(name);
}

void NbdReader::handshake(const std::string& name) {
  require(receive_number(8) == hello && receive_number(8) == have_options, "greets otherwise");
  require((receive_number(2) & fixed_newstyle_without_zeroes) == fixed_newstyle_without_zeroes,
          "speaks an old dialect");
  send(Packet().number(fixed_newstyle_without_zeroes, 4).bytes());
  go(name);
}

void NbdReader::go(const std::string& name) {
  const std::uint64_t length = 4 + name.size() + 2;
  send(Packet()
           .number(have_options, 8)
           .number(option_go, 4)
           .number(length, 4)
           .number(name.size(), 4)
           .text(name)
           .number(0, 2)
           .bytes());
  while (true) {
    require(receive_number(8) == option_reply && receive_number(4) == option_go,
            "answers otherwise");
    const std::uint64_t type = receive_number(4);
    std::uint64_t left = receive_number(4);
    if (type == reply_acknowledged) return;
    require((type & reply_refused) == 0, "refuses the export");
    if (type == reply_info && left >= 10) {
      const bool tells_size = receive_number(2) == info_export;
      const std::uint64_t value = receive_number(8);
      left -= 10;
      if (tells_size) size_ = value;
    }
    skip(left);
  }
}

void NbdReader::read(std::uint64_t offset, std::span<unsigned char> bytes) {
  INVARIANT(bytes.size() <= most_at_once && offset <= size_ && bytes.size() <= size_ - offset);
  constexpr std::uint64_t cookie = 1, command_read = 0;
  send(Packet()
           .number(request_magic, 4)
           .number(0, 2)
           .number(command_read, 2)
           .number(cookie, 8)
           .number(offset, 8)
           .number(bytes.size(), 4)
           .bytes());
  require(receive_number(4) == reply_magic, "replies otherwise");
  const std::uint64_t error = receive_number(4);
  require(receive_number(8) == cookie, "replies to something else");
  if (error != 0) {
    throw SubjectFailure("NBD server: cannot read at " + std::to_string(offset) + ": " +
                         std::strerror(static_cast<int>(error)));
  }
  receive(bytes);
}

void NbdReader::wait(short events) {
  constexpr int slice_ms = 50;
  const auto deadline = steady_clock::now() + limit_;
  pollfd wait{socket_.number(), events, 0};
  while (poll(&wait, 1, slice_ms) <= 0) {
    InterruptGuard::check();
    if (steady_clock::now() >= deadline) {
      throw UsageError("NBD server: did not go on within " + seconds_text(limit_));
    }
  }
}

void NbdReader::send(std::string_view bytes) {
  while (!bytes.empty()) {
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
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value = value << 8 | buffer[i];
  return value;
}

void NbdReader::skip(std::uint64_t bytes) {
  for (; bytes > 0; --bytes) receive_number(1);
}

}  // namespace sim
