// SPDX-License-Identifier: MIT
// The ledger's file: {"about":…,"faults":[{…}…]}, one object for each fault; the names of the
// fields are those of KnownFault. Whatever is not expected is refused, so that no entry is silently
// dead.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "sim/ledger.h"
#include "sim/usage_error.h"

namespace sim {

using nlohmann::json;

namespace {

/// Reads one entry; complains with its place.
class EntryReader {
 public:
  EntryReader(std::string place, const json& entry) : place_(std::move(place)), entry_(entry) {
    if (!entry.is_object()) refuse("an object for each fault", entry.dump());
    const auto id = entry.find("id");
    if (id != entry.end() && id->is_string()) place_ += ": " + id->get<std::string>();
  }

  KnownFault read() {
    KnownFault fault;
    fault.id = text("id");
    fault.title = text("title");
    fault.subject = text("subject");
    fault.since = version("since").value_or(Version{});
    if (entry_.contains("fixed")) fault.fixed = version("fixed");
    fault.right = text("right");
    fault.source = text("source");
    fault.change = flag("change");
    fault.after = texts("after");
    if (entry_.contains("needs")) fault.needs = text("needs");
    if (entry_.contains("scenario")) fault.scenario = text("scenario");
    one_of("scenario", "needs");
    if (fault.needs.empty() || entry_.contains("request") || entry_.contains("step")) {
      read_recognition(fault);
    }
    only_known_fields();
    return fault;
  }

 private:
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    throw UsageError(place_ + ": expected " + expected + ", found " + found);
  }

  const json* field(const std::string& name) {
    known_.insert(name);
    const auto found = entry_.find(name);
    return found == entry_.end() ? nullptr : &*found;
  }
  std::string text(const std::string& name) {
    const json* value = field(name);
    const bool good = value != nullptr && value->is_string() && *value != "";
    if (!good) refuse("a text for \"" + name + "\"", value ? value->dump() : "nothing");
    return *value;
  }
  std::optional<Version> version(const std::string& name) {
    const std::string written = text(name);
    const std::optional<Version> version = parse_version(written);
    if (!version) refuse("a version such as 7.2 for \"" + name + "\"", "\"" + written + "\"");
    return version;
  }
  bool flag(const std::string& name) {
    const json* value = field(name);
    if (value == nullptr) return false;
    if (!value->is_boolean()) refuse("true or false for \"" + name + "\"", value->dump());
    return *value;
  }
  std::vector<std::string> texts(const std::string& name) {
    const json* value = field(name);
    if (value == nullptr) return {};
    const auto is_text = [](const json& each) { return each.is_string(); };
    if (!value->is_array() || !std::all_of(value->begin(), value->end(), is_text)) {
      refuse("a list of texts for \"" + name + "\"", value->dump());
    }
    return *value;
  }
  void one_of(const std::string& one, const std::string& other) {
    if (entry_.contains(one) == entry_.contains(other)) {
      refuse("one of \"" + one + "\" and \"" + other + "\"",
             entry_.contains(one) ? "both" : "neither");
    }
  }

  void read_recognition(KnownFault& fault) {
    one_of("request", "step");
    if (const json* request = field("request")) fault.request = *request;
    if (entry_.contains("step")) fault.step = text("step");
    one_of("signal", "shows");
    if (entry_.contains("signal")) fault.signal = signal(text("signal"));
    if (const json* shows = field("shows")) fault.shows = *shows;
    fault.race = flag("race");
    const json* then = field("then");
    if (then == nullptr || *then == "leaves") return;
    if (*then != "goes on") refuse("\"leaves\" or \"goes on\" for \"then\"", then->dump());
    if (fault.signal != 0) refuse("\"leaves\" of a subject that dies", then->dump());
    fault.then = KnownFault::Then::goes_on;
  }

  int signal(const std::string& name) const {
    for (int number = 1; number < NSIG; ++number) {
      const char* known = sigabbrev_np(number);
      if (known != nullptr && "SIG" + std::string(known) == name) return number;
    }
    refuse("a signal such as SIGSEGV for \"signal\"", "\"" + name + "\"");
  }

  void only_known_fields() const {
    for (const auto& [name, value] : entry_.items()) {
      if (!known_.contains(name)) refuse("no field \"" + name + "\"", value.dump());
    }
  }

  std::string place_;
  const json& entry_;
  std::set<std::string> known_;
};

json parse_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  try {
    return json::parse(in);
  } catch (const json::exception& error) {
    const std::string text = error.what();
    throw UsageError(path + ": expected JSON: " + text.substr(text.find(']') + 2));
  }
}

}  // namespace

Ledger Ledger::load(const std::string& path) {
  Ledger ledger;
  if (!std::filesystem::exists(path)) return ledger;
  const json file = parse_file(path);
  if (!file.is_object() || !file.contains("faults") || !file["faults"].is_array()) {
    throw UsageError(path + ": expected an object with a list of \"faults\"");
  }
  std::set<std::string> ids;
  for (const json& entry : file["faults"]) {
    ledger.faults_.push_back(EntryReader(path, entry).read());
    const std::string& id = ledger.faults_.back().id;
    if (!ids.insert(id).second) throw UsageError(path + ": " + id + ": expected each id once");
  }
  return ledger;
}

}  // namespace sim
