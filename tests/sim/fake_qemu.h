// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {

/// The three documented testcases, as an argument of a shell command.
inline const std::string testcases = std::string("'") + SOURCE_DIR + "/scenarios/testcases'";

/// Programs to be taken for a QEMU, in a directory of their own that is also where the program
/// under test makes its temporary files.
class FakeQemus {
 public:
  /// Writes a script and tells its path.
  std::string script(const std::string& name, const std::string& text) const {
    const std::string path = programs_ / name;
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  /// A program between us and a real QEMU, which passes on every line of QMP. `hooks` is Python
  /// that may redefine `request(line)` and `reply(line)`: each answers the line to pass on, or
  /// None; `qemu` is the real one's process.
  std::string between(const std::string& name, const std::string& hooks) const {
    return script(name, std::string(head) + hooks + tail);
  }

  /// The same, and spoils what is answered to one command: `spoil` is a line of Python on the reply
  /// `r`, which may also send more through `client`.
  std::string spoiling(const std::string& name, const std::string& command,
                       const std::string& spoil) const {
    return between(name,
                   "asked = []\n"
                   "def request(line):\n"
                   "    asked.append(json.loads(line)['execute'])\n"
                   "    return line\n"
                   "def reply(line):\n"
                   "    r = json.loads(line)\n"
                   "    if 'event' in r or 'QMP' in r: return line\n"
                   "    if asked.pop(0) == '" +
                       command +
                       "':\n"
                       "        " +
                       spoil +
                       "\n"
                       "    return json.dumps(r).encode() + b'\\n'\n");
  }

  /// Runs the program under test with these arguments; its temporary files go below temporary().
  ShellResult run(const std::string& arguments) const {
    return shell("BLOCKTWIN_ROOT='" + std::string(SOURCE_DIR) + "' TMPDIR='" +
                 temporary_.path().string() + "' '" + BLOCKTWIN + "' " + arguments);
  }
  /// Whether runs left no file behind.
  bool clean() const { return std::filesystem::is_empty(temporary_.path()); }
  const std::filesystem::path& directory() const { return programs_.path(); }

 private:
  static constexpr const char* head = R"(#!/usr/bin/env python3
import json, os, socket, subprocess, sys, threading, time

def request(line): return line
def reply(line): return line
)";
  static constexpr const char* tail = R"(
at = sys.argv.index("-qmp")
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[at + 1][len("unix:"):].split(",")[0])
ours, theirs = socket.socketpair()
chardev = ["-chardev", "socket,id=q,fd=%d" % theirs.fileno(), "-mon", "chardev=q,mode=control"]
qemu = subprocess.Popen(["qemu-system-x86_64"] + sys.argv[1:at] + chardev + sys.argv[at + 2:],
                        pass_fds=[theirs.fileno()])
theirs.close()

def pump(source, target, change):
    for line in source.makefile("rb"):
        line = change(line)
        if line is not None:
            target.sendall(line)

threading.Thread(target=pump, args=(client, ours, request), daemon=True).start()
try:
    pump(ours, client, reply)
except OSError:
    pass
status = qemu.wait()
os._exit(status if status >= 0 else 128 - status)
)";

  TempDir programs_, temporary_;
};

}  // namespace tests
