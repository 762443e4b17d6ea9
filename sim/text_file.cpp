// SPDX-License-Identifier: MIT
#include "sim/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/child.h"
#include "sim/usage_error.h"

namespace sim {

namespace {

[[noreturn]] void cannot(const std::string& path, const char* what, const std::string& why) {
  throw UsageError(path + ": cannot be " + what + ": " + why);
}

/// A new file beside `path`, which takes its place when it is whole, and else goes.
class Replacement {
 public:
  explicit Replacement(std::string path)
      : path_(std::move(path)), name_(path_ + ".XXXXXX"), file_(::mkstemp(name_.data())) {
    if (file_.number() < 0) fail();
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (!done_) ::unlink(name_.c_str());
  }

  void write(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = ::write(file_.number(), text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail();
      done += static_cast<std::size_t>(count);
    }
  }
  void take_place() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    const bool whole = ::fchmod(file_.number(), 0666 & ~mask) == 0 &&
                       ::fsync(file_.number()) == 0 &&
                       std::rename(name_.c_str(), path_.c_str()) == 0;
    if (!whole) fail();
    done_ = true;
  }

 private:
  [[noreturn]] void fail() {
    const int error = errno;
    if (file_.number() >= 0) ::unlink(name_.c_str());
    cannot(path_, "written", std::strerror(error));
  }

  std::string path_, name_;
  Descriptor file_;
  bool done_ = false;
};

}  // namespace

std::string read_text(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) {
    cannot(path, "read", std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) cannot(path, "read", std::strerror(EISDIR));
  if (!S_ISREG(status.st_mode)) cannot(path, "read", "it is no regular file");
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(file.number(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) cannot(path, "read", std::strerror(errno));
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

void write_text(const std::string& path, const std::string& text) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
    cannot(path, "written", "it is a symbolic link");
  }
  Replacement replacement(path);
  replacement.write(text);
  replacement.take_place();
}

}  // namespace sim
