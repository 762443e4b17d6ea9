// SPDX-License-Identifier: MIT
#include "sim/bench/images.h"

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

}  // namespace sim::bench
