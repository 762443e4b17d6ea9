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

/// Writes a file back and lets the kernel forget it. What large writes or readahead leave in the
/// page cache costs ext4 7 us of each 4 KiB write to it, four times what the write itself does.
/// Throws SubjectFailure.
void drop_from_cache(const std::string& file);

/// Runs a program to its end and answers its standard output; any status but 0 is a SubjectFailure.
std::string tool_output(const std::vector<std::string>& arguments);

}  // namespace sim::bench
