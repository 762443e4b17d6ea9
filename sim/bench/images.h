// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace sim::bench {

/// The disks that requests and commits are timed on.
constexpr const char* disk_size = "1G";

/// Images made by qemu-img and qemu-io, so that both sides start from the same files. A file of
/// that name is made anew. Throw SubjectFailure with what the tool printed.
void make_empty_image(const std::string& file, const std::string& size);
void make_full_image(const std::string& file, const std::string& size);
void make_overlay(const std::string& file, const std::string& backing, bool full,
                  const std::string& size);

/// Runs a program to its end and answers its standard output; any status but 0 is a SubjectFailure.
std::string tool_output(const std::vector<std::string>& arguments);

}  // namespace sim::bench
