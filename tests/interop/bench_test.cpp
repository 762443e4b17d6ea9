// SPDX-License-Identifier: MIT
// The benchmark measures; what it measures is no test's business, that it comes to its end is.
#include <sstream>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {

TEST_CASE("contests in which a QEMU is driven come to their end") {
  const TempDir directory;
  const ShellResult result = shell("cd '" SOURCE_DIR "' && BLOCKTWIN_ROOT=. '" BLOCKTWIN
                                   "' bench --pairs 1 commit-1g lockstep testcases-files --dir '" +
                                   directory / "." + "'");
  INFO(result.out);
  CHECK(result.status == 0);
  std::istringstream rows(result.out);
  std::size_t ratios = 0;
  for (std::string row; std::getline(rows, row);) ratios += mentions(row, "x ");
  CHECK(ratios == 3);
}

}  // namespace tests
