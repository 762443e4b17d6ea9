// SPDX-License-Identifier: MIT
#include "engine/qcow2/check.h"

#include "engine/qcow2/check_walk.h"
#include "engine/qcow2/header_file.h"

namespace engine::qcow2 {
namespace {

void note(std::vector<std::string>& findings, const std::string& finding, std::uint64_t times) {
  for (; times != 0 && findings.size() < CheckReport::max_findings; --times) {
    findings.push_back(finding);
  }
}

}  // namespace

void CheckReport::corrupt(const std::string& finding, std::uint64_t times) {
  corruptions += times;
  note(findings, finding, times);
}

void CheckReport::leak(const std::string& finding) {
  ++leaks;
  note(findings, finding, 1);
}

void CheckReport::fail(const std::string& finding) {
  ++check_errors;
  note(findings, finding, 1);
}

io::Task<CheckReport> check(io::Storage& file) {
  HeaderFile header(file);
  co_await header.load(OpenFor::check);
  CheckReport report;
  CheckWalk walk(file, header.header(), report);
  co_await walk.read_snapshots();
  co_await walk.count_mappings();
  co_await walk.count_bitmaps();
  co_await walk.count_refcounts();
  co_await walk.compare_refcounts();
  co_await walk.check_copied_flags();
  co_return report;
}

}  // namespace engine::qcow2
