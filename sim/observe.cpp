// SPDX-License-Identifier: MIT
#include "sim/observe.h"

#include <algorithm>

#include "sim/allowed.h"
#include "sim/canon.h"
#include "sim/request.h"
#include "sim/runs.h"

namespace sim {

using nlohmann::json;

namespace {

json error(const std::string& text) { return {{"error", {{"desc", text}}}}; }

bool answers_to(const json& device, const std::string& name) {
  if (!device.contains("inserted")) return false;
  return device["device"] == name || device["inserted"]["node-name"] == name;
}

/// What `look` sees in what a query returns; where the model allows several replies, a set of what
/// it sees in each.
template <class Look>
json in_each(const json& reply, const Look& look) {
  return Allowed::changed(reply, [&](const json& each) {
    return each.contains("return") ? look(each["return"]) : each;
  });
}

/// What `look` sees of the node of a device or of that name, as the queries describe it; an error
/// if there is none.
template <class Look>
json look_at(Subject& subject, const std::string& name, const Look& look) {
  const auto by_name = [&](const json& nodes) {
    for (const json& node : nodes) {
      if (node["node-name"] == name) return look(node);
    }
    return error("Node '" + name + "' not found");
  };
  return in_each(subject.execute({{"execute", "query-block"}}), [&](const json& devices) {
    for (const json& device : devices) {
      if (answers_to(device, name)) return look(device["inserted"]);
    }
    // Only where needed: it crashes QEMU 7.2 while a stream job is concluded.
    return in_each(subject.execute({{"execute", "query-named-block-nodes"}}), by_name);
  });
}

json named_bitmaps(const json& node) {
  json result = json::array();
  if (!node.contains("dirty-bitmaps")) return result;
  for (const json& bitmap : node["dirty-bitmaps"]) {
    if (bitmap.value("name", "").empty()) continue;
    json shown = json::object();
    for (const char* field : {"name", "count", "granularity", "recording", "busy", "persistent"}) {
      shown[field] = bitmap.at(field);
    }
    if (bitmap.contains("inconsistent")) shown["inconsistent"] = bitmap["inconsistent"];
    result.push_back(std::move(shown));
  }
  return result;
}

/// A count of bytes, or what is allowed for it, in clusters.
json in_clusters(const json& count, std::uint64_t cluster) {
  const Allowed here(count);
  if (here.kind() == Allowed::Kind::between) {
    return Allowed::between(here.least().get<std::uint64_t>() / cluster,
                            here.most().get<std::uint64_t>() / cluster);
  }
  return Allowed::changed(
      count, [&](const json& each) -> json { return each.get<std::uint64_t>() / cluster; });
}

json show_bitmap(Subject& subject, const ShowStep& step) {
  constexpr std::uint64_t cluster_of_raw = 65536;
  return look_at(subject, step.target, [&](const json& node) -> json {
    const std::uint64_t cluster = node["image"].value("cluster-size", cluster_of_raw);
    for (const json& bitmap : named_bitmaps(node)) {
      if (bitmap["name"] != step.bitmap) continue;
      return {{"name", step.bitmap}, {"dirty-clusters", in_clusters(bitmap["count"], cluster)}};
    }
    return nullptr;
  });
}

json show_bitmaps(Subject& subject, const ShowStep& step) {
  return look_at(subject, step.target, named_bitmaps);
}

json show(Subject& subject, const ShowStep& step) {
  switch (step.sight) {
    case Sight::bitmap:
      return show_bitmap(subject, step);
    case Sight::bitmaps:
      return show_bitmaps(subject, step);
    case Sight::dirty:
      return subject.dirty_ranges(step.target, step.bitmap);
    case Sight::data:
      return joined_contents(subject.contents(step.target));
    case Sight::info:
      return canonical_info(subject.image_info(step.target));
    case Sight::check:
      return subject.image_check(step.target);
    case Sight::keepsakes:
      return subject.keepsakes(step.target);
  }
  return nullptr;
}

Rest rest_before(const QmpStep& step) {
  const std::string name = command_of(step.request);
  const bool meets_jobs = name.empty() || name == "quit" || name.starts_with("query-") ||
                          name.starts_with("block-job-") || name.starts_with("job-");
  return meets_jobs ? Rest::none : Rest::jobs;
}

/// Bits, bytes and headers are looked at when no job moves; what queries show may move.
Rest rest_before(const ShowStep& step) {
  const bool by_query = step.sight == Sight::bitmap || step.sight == Sight::bitmaps;
  return by_query ? Rest::none : Rest::jobs;
}

/// What a client waits for before it does the step. Nobody waits for requests but where the step
/// says so; that some of them meet a fault is not modelled (M52).
Rest rest_before(const Step& step) {
  if (const auto* command = std::get_if<QmpStep>(&step.action)) return rest_before(*command);
  if (const auto* show = std::get_if<ShowStep>(&step.action)) return rest_before(*show);
  if (const auto* stop = std::get_if<StopStep>(&step.action))
    return stop->how == Stop::clean ? Rest::none : Rest::jobs;
  const bool commands = std::holds_alternative<IoStep>(step.action) ||
                        std::holds_alternative<DriveStep>(step.action) ||
                        std::holds_alternative<UnplugStep>(step.action);
  // Other programs open images, which a job may keep to itself up to its end.
  const bool outside = std::holds_alternative<CreateStep>(step.action) ||
                       std::holds_alternative<DamageStep>(step.action) ||
                       std::holds_alternative<ForeignStep>(step.action);
  if (commands || outside) return Rest::jobs;
  const bool everything = std::holds_alternative<FailStep>(step.action) ||
                          std::holds_alternative<SettleStep>(step.action);
  return everything ? Rest::jobs_and_requests : Rest::none;
}

json without_names(json reply) {
  hide_generated_names(reply);
  return reply;
}

/// Does the step, whatever it is.
struct Performer {
  Subject& subject;

  json operator()(const QmpStep& step) const {
    return canonical_reply(command_of(step.request), subject.execute(step.request));
  }
  json operator()(const WaitStep& step) const {
    std::optional<json> event = subject.await_event(step.event);
    return event ? canonical_event(std::move(*event)) : json(nullptr);
  }
  json operator()(const CreateStep& step) const { return subject.create_image(step.options); }
  json operator()(const DriveStep& step) const {
    return without_names(subject.add_drive(step.options));
  }
  json operator()(const UnplugStep& step) const {
    return without_names(subject.delete_drive(step.id));
  }
  json operator()(const IoStep& step) const {
    std::string text = subject.guest_io(step.node, step.command);
    if (text.empty() && !subject.sees_guest_io()) return Allowed::any("its guest I/O is not seen");
    if (auto set = Allowed::said_in(text)) return std::move(*set);
    hide_generated_names(text);
    return text;
  }
  json operator()(const StopStep& step) const {
    step.how == Stop::power ? subject.cut_power(step.kept) : subject.stop(step.how);
    return nullptr;
  }
  json operator()(const RunStep& step) const {
    subject.run(step.events);
    return nullptr;
  }
  json operator()(const SettleStep&) const { return nullptr; }
  json operator()(const ScheduleStep& step) const {
    subject.schedule(step.seed);
    return nullptr;
  }
  json operator()(const DamageStep& step) const {
    return subject.damage_image(step.file, step.what);
  }
  json operator()(const ForeignStep& step) const {
    return subject.find_image(step.file, step.image);
  }
  json operator()(const FailStep& step) const {
    subject.fail_storage(step.file, step.fault);
    return nullptr;
  }
  json operator()(const PrintStep&) const { return nullptr; }
  json operator()(const ShowStep& step) const { return show(subject, step); }
};

}  // namespace

json observe(Subject& subject, const Step& step) {
  const auto perform = [&] {
    subject.come_to(rest_before(step));
    return std::visit(Performer{subject}, step.action);
  };
  if (step.mishap) {
    subject.fail_operation(step.mishap->operation, step.mishap->error);
    json shown = perform();
    subject.fail_operation(0, 0);
    return shown;
  }
  if (!step.cut) return perform();
  // Nobody is left to hear the answer.
  subject.cut_short(*step.cut, perform);
  return nullptr;
}

}  // namespace sim
