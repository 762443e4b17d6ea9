// SPDX-License-Identifier: MIT
#include "sim/render.h"

#include "sim/allowed.h"
#include "sim/json_text.h"
#include "sim/runs.h"

namespace sim {

using nlohmann::json;

namespace {

bool is_error(const json& value) { return value.is_object() && value.contains("error"); }

std::string error_text(const json& value) { return plain_text(value["error"]["desc"]); }

std::string refusal(const json& reply) {
  return is_error(reply) ? "refused: " + error_text(reply) + "\n" : "";
}

std::string flag(const json& bitmap, const char* name) {
  const auto found = bitmap.find(name);
  if (found == bitmap.end() || *found == false) return "";
  if (*found == true) return std::string(" ") + name;
  return std::string(" ") + name + "=" + plain_text(*found);
}

std::string bitmap_line(const json& bitmap) {
  std::string text = plain_text(bitmap["name"]) + " count=" + plain_text(bitmap["count"]) +
                     " granularity=" + plain_text(bitmap["granularity"]);
  for (const char* name : {"recording", "persistent", "busy", "inconsistent"}) {
    text += flag(bitmap, name);
  }
  return text;
}

std::string bitmaps_text(const json& bitmaps, const std::string& start) {
  if (!bitmaps.is_array()) return start + plain_text(bitmaps) + "\n";
  if (bitmaps.empty()) return start + "no bitmaps\n";
  std::string text;
  for (const json& bitmap : bitmaps) text += start + bitmap_line(bitmap) + "\n";
  return text;
}

std::string runs_text(const json& runs) {
  std::string text;
  for (const ByteRun& run : runs_of(runs)) {
    text += " " + std::to_string(run.start) + "+" + std::to_string(run.length());
  }
  return text;
}

std::string dirty_text(const json& runs) {
  if (!runs.contains("must")) return plain_text(runs);
  const std::string must = runs_text(runs["must"]), may = runs_text(runs["may"]);
  if (must != may) return "dirty" + must + ", perhaps" + may;
  return must.empty() ? "clean" : "dirty" + must;
}

std::string data_text(const json& contents) {
  if (!contents.is_array()) return plain_text(contents);
  std::string text;
  for (const json& run : contents) {
    text += (text.empty() ? "" : ", ") + plain_text(run[0]) + "+" + plain_text(run[1]);
    char separator = ' ';
    for (const json& byte : run[2]) {
      text += separator + byte_text(byte.get<unsigned>());
      separator = '|';
    }
  }
  return text.empty() ? "empty" : text;
}

std::string info_text(const json& info, const std::string& start) {
  if (!info.contains("format")) return start + plain_text(info) + "\n";
  std::string text =
      start + plain_text(info["format"]) + " size=" + plain_text(info["virtual-size"]);
  if (info.contains("cluster-size")) text += " cluster=" + plain_text(info["cluster-size"]);
  if (info.contains("backing-filename")) text += " backing=" + plain_text(info["backing-filename"]);
  text += "\n";
  if (!info.contains("bitmaps")) return text;
  for (const json& bitmap : info["bitmaps"]) {
    std::string flags;
    for (const json& each : bitmap["flags"]) flags += (flags.empty() ? "" : ",") + plain_text(each);
    text += start + "bitmap " + plain_text(bitmap["name"]) +
            " granularity=" + plain_text(bitmap["granularity"]) + " flags=" + flags + "\n";
  }
  return text;
}

std::string check_text(const json& check) {
  if (!check.contains("corruptions")) return plain_text(check);
  std::string text;
  if (check["corruptions"] != 0) text = plain_text(check["corruptions"]) + " corruptions";
  if (!check["leaks"].is_number()) return text.empty() ? "no corruptions" : text;
  if (check["leaks"] != 0) {
    text += (text.empty() ? "" : ", ") + plain_text(check["leaks"]) + " leaks";
  }
  return text.empty() ? "no errors" : text;
}

std::string keepsakes_text(const json& kept, const std::string& start) {
  if (!kept.contains("snapshots")) return start + plain_text(kept) + "\n";
  std::string text;
  for (const json& each : kept["snapshots"]) {
    std::string runs;
    for (const json& run : each["data"]) {
      const bool alike = run[2] != -1;
      runs += (runs.empty() ? "" : ", ") + plain_text(run[0]) + "+" + plain_text(run[1]) + " " +
              (alike ? byte_text(run[2].get<unsigned>()) : "mixed");
    }
    text += start + "snapshot " + plain_text(each["name"]) + ": " +
            (runs.empty() ? "empty" : runs) + "\n";
  }
  for (const json& each : kept["extensions"]) {
    text += start + "extension " + plain_text(each[0]) + ", " + plain_text(each[1]) + " bytes\n";
  }
  if (kept["compatible"] != 0)
    text += start + "compatible " + plain_text(kept["compatible"]) + "\n";
  if (kept["fields"] != 0)
    text += start + "unknown fields, " + plain_text(kept["fields"]) + " bytes\n";
  return text.empty() ? start + "no keepsakes\n" : text;
}

std::string bitmap_text(const json& bitmap) {
  if (bitmap.is_null()) return "not found";
  if (!bitmap.contains("name")) return plain_text(bitmap);
  return "name=" + plain_text(bitmap["name"]) +
         " dirty-clusters=" + plain_text(bitmap["dirty-clusters"]);
}

std::string sight_text(const ShowStep& step, const json& seen);

/// After a crash: what is seen in each of the worlds that it may have left.
std::string sights_text(const ShowStep& step, const Allowed& worlds) {
  std::string text;
  for (const Allowed& world : worlds.alternatives())
    text += (text.empty() ? "" : "or ") + sight_text(step, world.said());
  return text;
}

std::string sight_text(const ShowStep& step, const json& seen) {
  const Allowed here(seen);
  if (here.kind() == Allowed::Kind::one_of) return sights_text(step, here);
  const std::string start = step.label + ": ";
  if (is_error(seen)) return start + error_text(seen) + "\n";
  switch (step.sight) {
    case Sight::bitmap:
      return start + bitmap_text(seen) + "\n";
    case Sight::bitmaps:
      return bitmaps_text(seen, start);
    case Sight::dirty:
      return start + dirty_text(seen) + "\n";
    case Sight::data:
      return start + data_text(seen) + "\n";
    case Sight::info:
      return info_text(seen, start);
    case Sight::keepsakes:
      return keepsakes_text(seen, start);
    case Sight::check:
      return start + check_text(seen) + "\n";
  }
  return {};
}

struct Renderer {
  const json& seen;

  std::string operator()(const QmpStep& step) const {
    return request_text(step.request) + "\n" + json_text(seen) + "\n";
  }
  std::string operator()(const WaitStep& step) const {
    return (seen.is_null() ? "no " + step.event : json_text(seen)) + "\n";
  }
  std::string operator()(const CreateStep&) const { return refusal(seen); }
  std::string operator()(const DriveStep&) const { return refusal(seen); }
  std::string operator()(const UnplugStep&) const { return refusal(seen); }
  std::string operator()(const IoStep&) const {
    const std::string text = plain_text(seen);
    return text.empty() || text.ends_with('\n') ? text : text + "\n";
  }
  std::string operator()(const StopStep& step) const {
    switch (step.how) {
      case Stop::clean:
        return "... Restart ...\n";
      case Stop::kill:
        return "... Kill ...\n";
      case Stop::power:
        break;
    }
    return "... Power cut ...\n";
  }
  std::string operator()(const RunStep&) const { return {}; }
  std::string operator()(const SettleStep&) const { return {}; }
  std::string operator()(const ScheduleStep&) const { return {}; }
  std::string operator()(const DamageStep& step) const {
    return "... Damage " + step.what + " ...\n" + refusal(seen);
  }
  std::string operator()(const ForeignStep&) const { return refusal(seen); }
  std::string operator()(const FailStep& step) const {
    if (!step.fault) return "... " + step.file + " works again ...\n";
    const std::string how = step.fault->once ? " once" : "";
    return "... " + step.file + " fails to " + to_string(step.fault->operation) + how + " ...\n";
  }
  std::string operator()(const PrintStep& step) const { return step.text + "\n"; }
  std::string operator()(const ShowStep& step) const { return sight_text(step, seen); }
};

}  // namespace

std::string render(const Step& step, const json& observation) {
  if (step.cut) return "... " + step.text + " ...\n";
  const std::string shown = std::visit(Renderer{observation}, step.action);
  if (!step.mishap) return shown;
  return "... operation " + std::to_string(step.mishap->operation) + " fails ...\n" + shown;
}

}  // namespace sim
