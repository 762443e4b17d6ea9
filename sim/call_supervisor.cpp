// SPDX-License-Identifier: MIT
#include "sim/call_supervisor.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "sim/usage_error.h"

namespace sim {

namespace {

struct StoppedCall {
  long number;
  Operation operation;
};

/// All take the file's descriptor as their first argument.
constexpr std::array stopped_calls = {
    StoppedCall{SYS_pread64, Operation::read},    StoppedCall{SYS_preadv, Operation::read},
    StoppedCall{SYS_preadv2, Operation::read},    StoppedCall{SYS_pwrite64, Operation::write},
    StoppedCall{SYS_pwritev, Operation::write},   StoppedCall{SYS_pwritev2, Operation::write},
    StoppedCall{SYS_fallocate, Operation::write}, StoppedCall{SYS_ftruncate, Operation::write},
    StoppedCall{SYS_fsync, Operation::flush},     StoppedCall{SYS_fdatasync, Operation::flush}};

Operation operation_of(int number) {
  for (const StoppedCall& call : stopped_calls) {
    if (call.number == number) return call.operation;
  }
  return Operation::read;
}

long seccomp(unsigned operation, unsigned flags, void* arguments) {
  return syscall(SYS_seccomp, operation, flags, arguments);
}

/// Loads the call's number, compares it with each of ours in turn, and lets all others pass.
constexpr std::size_t filter_length = stopped_calls.size() + 3;
constexpr std::array<sock_filter, filter_length> make_filter() {
  std::array<sock_filter, filter_length> filter{};
  filter[0] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (std::size_t i = 0; i < stopped_calls.size(); ++i) {
    const auto to_stop = static_cast<unsigned char>(stopped_calls.size() - i);
    const auto number = static_cast<unsigned>(stopped_calls[i].number);
    filter[i + 1] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, to_stop, 0);
  }
  filter[filter_length - 2] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[filter_length - 1] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  return filter;
}
std::array<sock_filter, filter_length> filter = make_filter();

/// A message of one byte that carries a descriptor.
struct Parcel {
  char byte = 0;
  iovec content{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};

  Parcel() {
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
  }
};

int send_descriptor(int socket, int descriptor) {
  Parcel parcel;
  cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return sendmsg(socket, &parcel.message, 0) < 0 ? errno : 0;
}

Descriptor receive_descriptor(int socket) {
  Parcel parcel;
  if (recvmsg(socket, &parcel.message, MSG_CMSG_CLOEXEC) < 0) return Descriptor();
  const cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return Descriptor();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return Descriptor(descriptor);
}

/// The file that a descriptor of another process stands for; empty if it is gone.
std::string file_of(unsigned process, unsigned long long descriptor) {
  const std::string link =
      "/proc/" + std::to_string(process) + "/fd/" + std::to_string(static_cast<int>(descriptor));
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink(link.c_str(), path.data(), path.size());
  return length < 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(length));
}

/// Zeroed room for a T. The kernel may know more of a call than we, and wants room for all of it.
template <class T>
std::vector<std::uint64_t> room_for(std::size_t wanted) {
  const std::size_t bytes = std::max(sizeof(T), wanted);
  return std::vector<std::uint64_t>(bytes / sizeof(std::uint64_t) + 1);
}

seccomp_notif_sizes notification_sizes() {
  seccomp_notif_sizes sizes{};
  seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
  return sizes;
}

/// What ends a wait of the thread.
int wake_signal() { return SIGRTMIN; }

}  // namespace

int become_supervised(int door) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sock_fprog program{filter.size(), filter.data()};
  const long listener =
      seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  return listener < 0 ? errno : send_descriptor(door, static_cast<int>(listener));
}

bool CallSupervisor::available() {
  unsigned action = SECCOMP_RET_USER_NOTIF;
  return seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

CallSupervisor::CallSupervisor(FaultTable& faults) : faults_(faults) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw UsageError(std::string("cannot make a socket: ") + std::strerror(errno));
  }
  ours_ = Descriptor(ends[0]);
  theirs_ = Descriptor(ends[1]);
}

/// Linux before 6.11 does not wake who asks for a call of a program that is killed meanwhile.
CallSupervisor::~CallSupervisor() {
  end_.writer.close();
  if (!thread_.joinable()) return;
  while (!ended_) {
    pthread_kill(thread_.native_handle(), wake_signal());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  thread_.join();
}

void CallSupervisor::watch() {
  theirs_.close();
  calls_ = receive_descriptor(ours_.number());
  if (calls_.number() < 0) throw UsageError("cannot supervise the calls of a program");
  struct sigaction wakes {};
  wakes.sa_handler = [](int) {};
  sigaction(wake_signal(), &wakes, nullptr);
  // All other signals are for the thread that looks at InterruptGuard.
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, wake_signal());
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] {
    answer_calls();
    ended_ = true;
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void CallSupervisor::answer_calls() {
  while (true) {
    std::array<pollfd, 2> waits{{{calls_.number(), POLLIN, 0}, {end_.reader.number(), POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if ((waits[0].revents & POLLIN) != 0) {
      answer_one();
    } else if (waits[0].revents != 0 || waits[1].revents != 0) {
      return;
    }
  }
}

/// A caller that is killed meanwhile needs no answer.
void CallSupervisor::answer_one() {
  const seccomp_notif_sizes sizes = notification_sizes();
  auto call_room = room_for<seccomp_notif>(sizes.seccomp_notif);
  auto answer_room = room_for<seccomp_notif_resp>(sizes.seccomp_notif_resp);
  auto* call = reinterpret_cast<seccomp_notif*>(call_room.data());
  auto* answer = reinterpret_cast<seccomp_notif_resp*>(answer_room.data());
  if (ioctl(calls_.number(), SECCOMP_IOCTL_NOTIF_RECV, call) != 0) return;
  answer->id = call->id;
  if (!faults_.empty()) {
    const std::string file = file_of(call->pid, call->data.args[0]);
    answer->error = -faults_.strike(file, operation_of(call->data.nr));
  }
  if (answer->error == 0) answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ioctl(calls_.number(), SECCOMP_IOCTL_NOTIF_SEND, answer);
}

}  // namespace sim
