// SPDX-License-Identifier: MIT
#include "tests/interop/qemu_tools.h"

#include <stdexcept>

#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {

using nlohmann::json;

namespace {

/// The image by itself, whatever its header says of a backing file: that may be gone.
std::string without_backing(const std::string& file) {
  const json options = {{"driver", "qcow2"},
                        {"file", {{"driver", "file"}, {"filename", file}}},
                        {"backing", nullptr}};
  return "'json:" + options.dump() + "'";
}

}  // namespace

json qemu_img_info(const std::string& file) {
  return json::parse(shell_ok("qemu-img info --output=json '" + file + "'"));
}

json qemu_img_check(const std::string& file) {
  // Exit status 2 and 3 tell of corruptions and leaks; the report is on standard output all the
  // same.
  const ShellResult result =
      shell("qemu-img check --output=json " + without_backing(file) + " 2>/dev/null");
  if (result.status != 0 && result.status != 2 && result.status != 3) {
    throw std::runtime_error("qemu-img check " + file + ": " + result.out);
  }
  const json report = json::parse(result.out);
  return {{"corruptions", report.value("corruptions", 0)}, {"leaks", report.value("leaks", 0)}};
}

std::vector<ByteRun> nbd_dirty_runs(const std::string& file, const std::string& bitmap) {
  const TempDir directory;
  const std::string uri = "nbd+unix:///?socket=" + directory / "socket";
  const std::string serve = "qemu-nbd -r -t -B '" + bitmap + "' -k '" + directory / "socket" +
                            "' --fork --pid-file='" + directory / "pid" + "' " +
                            without_backing(file) + " >/dev/null 2>&1";
  shell_ok(serve);
  const std::string map =
      shell_ok("nbdinfo --json --map='qemu:dirty-bitmap:" + bitmap + "' '" + uri +
               "'; s=$?; kill $(cat '" + directory / "pid" + "'); exit $s");
  std::vector<ByteRun> runs;
  for (const json& entry : json::parse(map)) {
    if (entry.at("type").get<int>() == 0) continue;
    const ByteRun run{entry.at("offset").get<std::uint64_t>(),
                      entry.at("length").get<std::uint64_t>()};
    if (!runs.empty() && runs.back().start + runs.back().length == run.start) {
      runs.back().length += run.length;
    } else {
      runs.push_back(run);
    }
  }
  return runs;
}

}  // namespace tests
