// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

Fault* find_fault(State& state, const std::string& file, const std::string& operation) {
  const auto found = state.faults.find({file, operation});
  return found == state.faults.end() ? nullptr : &found->second;
}

/// A fault that something meets, surely or perhaps.
struct Met {
  std::string file, operation;
  bool surely = false;
};

void add_if_faulty(State& state, std::vector<Met>& met, const Met& each) {
  if (find_fault(state, each.file, each.operation)) met.push_back(each);
}

/// What comes of them. One that strikes once is gone if nothing else can have come before it.
Trouble strike(State& state, const std::vector<Met>& met) {
  Trouble trouble;
  for (const Met& each : met) {
    Fault& fault = state.faults.at({each.file, each.operation});
    const bool certain = each.surely && fault.certain;
    trouble.errors.insert(fault.error);
    trouble.certain |= certain;
    trouble.nothing_done |= certain && !fault.once && each.operation == "write";
    if (!fault.once) continue;
    fault.certain = false;
    if (certain && met.size() == 1) state.faults.erase({each.file, each.operation});
  }
  return trouble;
}

/// Whether reading `seen` surely reads data of this layer. What shows through it stays in `seen`.
bool reads_data(const Image& image, Runs& seen) {
  bool data = false;
  Runs through;
  for (const auto& [start, end] : seen) {
    walk(image.data, start, std::min(end, image.size), [&](Number from, const Extent& extent) {
      if (extent.through && extent.own.none()) through.add(from, extent.end);
      data |= !extent.through && (image.format == "raw" || !extent.own.test(0));
    });
  }
  seen = through;
  return data;
}

/// Whoever reads [start, end) of the chain from `id` down to above `stop`, data or not.
std::vector<Met> met_reading(State& state, int id, int stop, Runs seen, bool& data) {
  std::vector<Met> met;
  for (; id != stop; id = state.nodes.at(id).below) {
    const Node& layer = state.nodes.at(id);
    if (layer.filter()) continue;
    const bool here = reads_data(state.files.at(layer.file), seen);
    data |= here;
    add_if_faulty(state, met, {layer.file, "read", here});
  }
  return met;
}

}  // namespace

/// M50, M51
void fail_storage(State& state, const std::string& file, const std::string& operation,
                  const Fault& fault) {
  if (operation.empty()) {
    std::erase_if(state.faults, [&](const auto& each) { return each.first.first == file; });
  } else {
    state.faults[{file, operation}] = fault;
  }
  for (const Job& job : state.jobs) {
    const bool copies = job.status == Status::running || !job.fresh.empty();
    const bool waits = job.io_status != "ok", ends = job.ending == Ending::failure && !job.paused;
    if (copies && !waits && !job.stops && !ends) throw Unknowable{};
  }
}

void require_sound(const State& state, const std::string& file) {
  const auto of_file = [&](const auto& each) { return each.first.first == file; };
  if (state.unflushable.contains(file) || std::ranges::any_of(state.faults, of_file))
    throw Unknowable{};
}

std::string surely_fails(State& state, const std::string& file, const std::string& operation) {
  if (!find_fault(state, file, operation)) return "";
  const Trouble trouble = strike(state, {{file, operation, true}});
  if (!trouble.certain) throw Unknowable{};
  return *trouble.errors.begin();
}

Trouble trouble_reading(State& state, const Node& node, Number start, Number end) {
  if (Trouble broken = trouble_of_tables(state, node, start, end); broken.certain) return broken;
  if (state.faults.empty() || start == end) return {};
  Runs seen;
  seen.add(start, end);
  bool data = false;
  return strike(state, met_reading(state, node.id, 0, seen, data));
}

/// What is written goes to the file; zeros and discards to its tables, which wait in memory (M52).
Trouble trouble_writing(State& state, const Node& node, bool data) {
  if (state.faults.empty() && state.unflushable.empty()) return {};
  std::vector<Met> met = met_reading(state, node.id, 0, {}, data);
  const bool raw = state.files.at(node.file).format == "raw";
  add_if_faulty(state, met, {node.file, "write", data || raw});
  add_if_faulty(state, met, {node.file, "flush"});
  if (const Fault* fault = find_fault(state, node.file, "flush")) {
    state.unflushable[node.file] = fault->error;  // perhaps: tables are flushed one after another
  }
  Trouble trouble = strike(state, met);
  const auto broken = state.unflushable.find(node.file);
  if (broken != state.unflushable.end()) trouble.errors.insert(broken->second);
  return trouble;
}

/// M53
bool flushes(State& state, const std::string& file) {
  if (const Fault* fault = find_fault(state, file, "flush")) {
    state.unflushable[file] = fault->error;
    strike(state, {{file, "flush"}});
  }
  const bool writes_fail = find_fault(state, file, "write");
  if (writes_fail) strike(state, {{file, "write"}});  // if tables have to be written
  return !writes_fail && !state.unflushable.contains(file);
}

void close_file(State& state, const std::string& file) {
  Image& image = state.files.at(file);
  if (find_fault(state, file, "read")) strike(state, {{file, "read"}});  // for what was freed
  if (!flushes(state, file)) lose_unsynced(image);
  image.unsynced.clear();
  state.unflushable.erase(file);
}

void lose_unsynced(Image& image) {
  for (const auto& [start, before] : image.unsynced) {
    blend(image.data, start, before.end, before, {0, {}, true});
  }
  image.unsynced.clear();
}

json unless_unreadable(State& state, const json& reply) {
  std::vector<Met> met;
  for (const auto& [id, node] : state.nodes) {
    const bool holds = !node.filter() && !state.files.at(node.file).directory.empty();
    if (holds) add_if_faulty(state, met, {node.file, "read"});
  }
  json replies = json::array({reply});
  for (const std::string& error : strike(state, met).errors) {
    replies.push_back(error_reply({"Failed to read bitmap directory: " + error}));
  }
  return replies.size() == 1 ? reply : json{{"$one-of", replies}};
}

namespace {

/// What a commit meets when it copies these runs.
std::vector<Met> met_copying(State& state, const Job& job, const Runs& copied) {
  const std::string& base = state.nodes.at(job.base).file;
  bool data = false;
  std::vector<Met> met = met_reading(state, job.top, job.base, copied, data);
  for (const std::string operation : {"read", "write", "flush"}) {
    add_if_faulty(state, met, {base, operation, operation == "write" && data});
  }
  const auto open = [&state](const Met& each) {
    return each.operation == "read" && find_fault(state, each.file, each.operation)->once;
  };
  if (state.unflushable.contains(base) || std::ranges::any_of(met, open)) throw Unknowable{};
  return met;
}

}  // namespace

/// M55, M63, M64: a job whose copying surely meets one fault ends with it, or waits.
void doom(State& state, Job& job, const Runs& copied) {
  if (job.ending == Ending::failure || job.stops || job.io_status != "ok") return;
  const Node& base = state.nodes.at(job.base);
  const bool frozen = has_read_only_bitmap(base) && !copied.empty();
  std::vector<Met> met = met_copying(state, job, copied);
  if (frozen) std::erase_if(met, [&](const Met& each) { return each.file == base.file; });
  if (met.empty() && !frozen) return;
  if (job.speed > 0 || job.on_error == "ignore" || met.size() + frozen > 1) throw Unknowable{};
  const Trouble trouble = frozen ? Trouble{{"Operation not permitted"}, true} : strike(state, met);
  if (!trouble.certain) throw Unknowable{};
  job.error = *trouble.errors.begin();
  job.failed = frozen ? "write" : met.front().operation;
  const bool full = job.error == "No space left on device";
  job.stops = job.on_error == "stop" || (job.on_error != "report" && full);
  if (!job.stops) job.ending = Ending::failure;
}

}  // namespace model
