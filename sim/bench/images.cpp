// SPDX-License-Identifier: MIT
#include "sim/bench/images.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sim/child.h"
#include "sim/subject.h"

namespace sim::bench {

std::string tool_output(const std::vector<std::string>& arguments) {
  const ProgramResult result = run_program(arguments, std::chrono::minutes(10));
  if (result.status != 0) {
    throw SubjectFailure(arguments.front() + ": " + result.errors + result.output);
  }
  return result.output;
}

void make_empty_image(const std::string& file, const std::string& size) {
  tool_output({"qemu-img", "create", "-q", "-f", "qcow2", file, size});
}

void make_full_image(const std::string& file, const std::string& size) {
  make_empty_image(file, size);
  tool_output({"qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 " + size, file});
}

void make_overlay(const std::string& file, const std::string& backing, bool full,
                  const std::string& size) {
  tool_output(
      {"qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", file, size});
  if (full) tool_output({"qemu-io", "-f", "qcow2", "-c", "write -P 0xa5 0 " + size, file});
}

void drop_from_cache(const std::string& file) {
  const Descriptor opened(open(file.c_str(), O_RDWR | O_CLOEXEC));
  int code = opened.number() < 0 || fdatasync(opened.number()) != 0 ? errno : 0;
  if (code == 0) code = posix_fadvise(opened.number(), 0, 0, POSIX_FADV_DONTNEED);
  if (code != 0) throw SubjectFailure(file + ": " + std::strerror(code));
}

}  // namespace sim::bench
