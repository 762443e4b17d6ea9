// SPDX-License-Identifier: MIT
#include "sim/sweep/looks.h"

#include <algorithm>
#include <exception>

#include "sim/allowed.h"
#include "sim/observe.h"
#include "sim/script/expand.h"
#include "sim/subjects.h"

namespace sim::sweep {

using nlohmann::json;

namespace {

/// The drive that looks; no scenario calls one so.
constexpr const char* drive = "look";

/// A word of a line, quoted as it has to be.
std::string word(const std::string& text) {
  script::RawStep quoted;
  quoted.words = {{"", text, true}};
  return script::escaped(script::print(quoted));
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Step step_of(const std::string& line) {
  const script::Script script = script::parse(line + "\n", "sweep");
  Step step = script::steps(script, script::Run{"sweep", {}}).front();
  step.line = 0;
  return step;
}

Looks::Looks(const std::vector<MadeImage>& images, const std::string& half_made,
             const Subject& model) {
  for (auto& state : states_of(model)) {
    const auto known = [&](const auto& world) { return same_state(*world, *state); };
    if (std::none_of(worlds_.begin(), worlds_.end(), known)) worlds_.push_back(std::move(state));
  }
  if (!half_made.empty()) unsure_.insert(file_name(half_made));
  for (const MadeImage& image : images) {
    if (image.file != half_made) look_at(image);
  }
  for (const MadeImage& image : images) {
    const std::string name = file_name(image.file);
    if (!backing_.contains(name) && !unsure_.contains(name)) open_for_writing(image);
  }
  worlds_.clear();
}

void Looks::look_at(const MadeImage& image) {
  const Contents contents = look_at_file(image.file);
  for (const std::string& each : contents.backing) {
    backing_.insert(file_name(each));
    if (unsure_.contains(file_name(each))) unsure_.insert(file_name(image.file));
  }
  // To check an image opens what backs it.
  if (unsure_.contains(file_name(image.file))) return;
  add("show check " + image.file);
  look_inside(image, contents);
}

const std::vector<json>& Looks::add(const std::string& line) {
  Look look{step_of(line), {}};
  for (const auto& world : worlds_) look.allowed.push_back(observe(*world, look.step));
  looks_.push_back(std::move(look));
  return looks_.back().allowed;
}

Looks::Contents Looks::look_at_file(const std::string& file) {
  Contents contents;
  for (const json& info : add("show info " + file)) {
    if (!info.contains("format")) continue;
    contents.size = std::max(contents.size, info["virtual-size"].get<std::uint64_t>());
    if (info.contains("backing-filename")) contents.backing.push_back(info["backing-filename"]);
    for (const json& bitmap : info["bitmaps"]) {
      const std::string name = bitmap["name"];
      const bool known = std::count(contents.bitmaps.begin(), contents.bitmaps.end(), name) > 0;
      if (!known) contents.bitmaps.push_back(name);
    }
  }
  return contents;
}

void Looks::look_inside(const MadeImage& image, const Contents& contents) {
  const std::string format = image.format == "qcow2" ? "" : " format=" + image.format;
  const std::string id = drive;
  add("drive " + id + " " + image.file + " read-only=on" + format);
  if (!contents.bitmaps.empty()) add("show bitmaps " + id);
  for (const std::string& name : contents.bitmaps) add("show dirty " + id + " " + word(name));
  if (contents.size <= most_data) {
    add("show data " + id);
  } else {
    ++unread_;
  }
  add("unplug " + id);
}

void Looks::open_for_writing(const MadeImage& image) {
  if (image.format != "qcow2") return;
  const std::string id = drive;
  add("drive " + id + " " + image.file);
  add("show bitmaps " + id);
  add("restart");
  add("show info " + image.file);
  add("show check " + image.file);
}

std::optional<Looks::Fault> Looks::find_fault(Subject& engine, const Judge& judge) const {
  std::vector<std::size_t> worlds;  // that explain all so far
  for (std::size_t i = 0; !looks_.empty() && i < looks_[0].allowed.size(); ++i) worlds.push_back(i);
  for (std::size_t i = 0; i < looks_.size(); ++i) {
    const Look& look = looks_[i];
    std::vector<json> allowed;
    for (const std::size_t world : worlds) allowed.push_back(look.allowed[world]);
    Shown model{"model", Allowed::one_of(std::move(allowed)), {}, {}, {}};
    Shown shown{std::string(engine.name()), {}, {}, {}, {}};
    try {
      shown.observation = observe(engine, look.step);
      shown.finding = judge(look.step, model.observation, shown.observation);
    } catch (const std::exception& error) {
      shown.breakdown = Breakdown{error.what(), {}, {}};
    }
    if (shown.differs()) return Fault{i, {look.step, {model, shown}}};
    if (worlds.size() == 1) continue;
    std::erase_if(worlds, [&](std::size_t world) {
      return judge(look.step, look.allowed[world], shown.observation).has_value();
    });
  }
  return std::nullopt;
}

std::vector<std::string> Looks::lines(std::size_t look) const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i <= look; ++i) lines.push_back(script::escaped(looks_[i].step.text));
  return lines;
}

}  // namespace sim::sweep
