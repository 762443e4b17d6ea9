// SPDX-License-Identifier: MIT
#include "tests/engine/release.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "sim/profile/changes.h"
#include "tests/engine/io_process.h"

namespace tests {

using nlohmann::json;

const sim::Version& installed_release() {
  static const sim::Version release = [] {
    const std::string said = must_run({"qemu-img", "--version"});
    std::istringstream words(said);  // "qemu-img version 7.2.22 (Debian …)"
    std::string word;
    for (unsigned i = 0; i < 3; ++i) words >> word;
    const auto version = sim::parse_version(word);
    if (!version) throw std::runtime_error("qemu-img tells no version: " + said);
    return *version;
  }();
  return release;
}

json in_our_words(const json& we, const json& it_said) {
  return sim::changes::undone(installed_release(), we, it_said);
}

}  // namespace tests
