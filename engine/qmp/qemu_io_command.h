// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::qmp {

/// What qemu-io is asked to do.
enum class Operation { read, write, discard, flush, aio_flush, length };
/// Whether the monitor waits for it.
enum class Waiting { synchronous, asynchronous };

/// How one of qemu-io's commands is called; see qemu_io_command.cpp for the table.
struct IoCommand {
  std::string_view name;
  Operation operation;
  Waiting waiting;
  std::string_view options;  ///< as getopt(3) has them
  unsigned min_arguments;
  bool takes_lengths;  ///< more than one length
  std::string_view usage;
};

/// A command line of qemu-io, read and checked.
struct IoRequest {
  const IoCommand* command;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::optional<std::byte> pattern;       ///< -P
  std::optional<std::uint64_t> skip;      ///< -s of read
  std::optional<std::uint64_t> verified;  ///< -l of read
  bool quiet = false;                     ///< -q
  bool verbose = false;                   ///< -v
  bool zeroes = false;                    ///< -z
  bool unmap = false;                     ///< -u
  bool no_fallback = false;               ///< -n
  bool force_flush = false;               ///< -f
};

/// A command line of qemu-io, of which the command is known and the arguments are not read yet. It
/// looks at the line's text, which has to live as long.
class IoLine {
 public:
  /// Throws Refusal, with what qemu-io prints without the last line end, if there is no command of
  /// that name or if it takes another number of arguments.
  explicit IoLine(std::string_view line);

  /// The command that the line calls; null for an empty line.
  const IoCommand* command() const { return command_; }
  /// Reads the arguments; the line must not be empty. Throws Refusal as the constructor does.
  IoRequest parse() const;

 private:
  std::vector<std::string_view> words_;
  const IoCommand* command_ = nullptr;
};

}  // namespace engine::qmp
