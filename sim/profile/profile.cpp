// SPDX-License-Identifier: MIT
#include "sim/profile/profile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/allowed.h"
#include "sim/difference.h"
#include "sim/profile/changes.h"

namespace sim {

using nlohmann::json;
using Aspect = Leniency::Aspect;

namespace {

bool is_text(const json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty();
}

bool is_set(const json& allowed) { return Allowed(allowed).kind() != Allowed::Kind::exactly; }

/// The values that may stand where `allowed` stands.
std::vector<const json*> alternatives(const json& allowed) {
  std::vector<const json*> result;
  for (const Allowed& each : Allowed(allowed).alternatives()) result.push_back(&each.said());
  return result;
}

/// What one key of an object may hold, by all alternatives that have it.
std::vector<const json*> below(const std::vector<const json*>& allowed, const std::string& key) {
  std::vector<const json*> result;
  for (const json* each : allowed) {
    if (!each->is_object() || !each->contains(key)) continue;
    const auto more = alternatives((*each)[key]);
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

/// What one element of an array may be.
std::vector<const json*> below(const std::vector<const json*>& allowed, std::size_t index) {
  std::vector<const json*> result;
  for (const json* each : allowed) {
    if (!each->is_array() || index >= each->size()) continue;
    const auto more = alternatives((*each)[index]);
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

void put_right(const Profile& profile, const std::vector<const json*>& allowed, json& seen);

/// Takes away the fields that nothing allowed has and the profile says need not be there, but for
/// an `error`: whether there is one is an outcome. Where sets of other kinds stand, all stays.
void put_fields_right(const Profile& profile, const std::vector<const json*>& allowed, json& seen) {
  const auto holds_set = [](const json* each) { return is_set(*each); };
  const auto is_object = [](const json* each) { return each->is_object(); };
  if (std::any_of(allowed.begin(), allowed.end(), holds_set) ||
      std::none_of(allowed.begin(), allowed.end(), is_object)) {
    return;
  }
  const auto may_be_more = [&](const std::string& key) {
    return (profile.allows(Aspect::extra_field) && key != "error") ||
           (profile.newer() && changes::add_field(*profile.newer(), key));
  };
  for (auto field = seen.begin(); field != seen.end();) {
    const auto inside = below(allowed, field.key());
    if (inside.empty() && may_be_more(field.key())) {
      field = seen.erase(field);
    } else {
      put_right(profile, inside, *field);
      ++field;
    }
  }
}

/// Has a text that the release words otherwise read as what is allowed.
void put_text_right(const Profile& profile, const std::vector<const json*>& allowed, json& seen) {
  if (!profile.newer()) return;
  for (const json* each : allowed) {
    if (!each->is_string() || !changes::reword(*profile.newer(), *each, seen)) continue;
    seen = *each;
    return;
  }
}

void put_right(const Profile& profile, const std::vector<const json*>& allowed, json& seen) {
  if (seen.is_array()) {
    for (std::size_t i = 0; i < seen.size(); ++i) put_right(profile, below(allowed, i), seen[i]);
  } else if (seen.is_object()) {
    put_fields_right(profile, allowed, seen);
  } else if (is_text(seen)) {
    put_text_right(profile, allowed, seen);
  }
}

/// What a subject tells of bits and bytes has a form of the harness's own.
bool has_fields_of_qemu(const Step& step) {
  const auto* show = std::get_if<ShowStep>(&step.action);
  return show == nullptr || (show->sight != Sight::dirty && show->sight != Sight::data);
}

/// Puts anything in the place of a text.
void forget_text(json& holder, const char* part, const char* field) {
  if (!holder.contains(part) || !holder[part].is_object() || !holder[part].contains(field)) return;
  if (is_text(holder[part][field])) holder[part][field] = Allowed::any("texts of errors");
}

/// {"error":{"class","desc"}} of a command, and `error` of a job's event.
void forget_error_text(json& seen) {
  forget_text(seen, "error", "desc");
  forget_text(seen, "data", "error");
}

}  // namespace

Profile::Profile(const std::optional<Version>& version) : lenient_(leniencies_for(version)) {
  if (version && *version >= Version{8, 0, 0}) newer_ = version;
}

bool Profile::allows(Aspect aspect) const {
  return std::any_of(lenient_.begin(), lenient_.end(),
                     [&](const Leniency& each) { return each.aspect == aspect; });
}

std::string Profile::text() const {
  if (exact()) return "compared to the letter";
  std::string text;
  for (const Leniency& each : lenient_) {
    if (text.find(each.what) != std::string::npos) continue;
    text += (text.empty() ? "" : ", ") + std::string(each.what);
  }
  return "compared by error class and outcome, without " + text;
}

Profile profile_of(const json& version) {
  const json numbers = version.is_object() ? version.value("qemu", json()) : json();
  Version result;
  for (const auto& [name, part] :
       {std::pair{"major", &result.major}, {"minor", &result.minor}, {"micro", &result.micro}}) {
    if (!numbers.is_object() || !numbers.contains(name) || !numbers[name].is_number_integer()) {
      return Profile(std::nullopt);
    }
    *part = numbers[name].get<int>();
  }
  return Profile(result);
}

json forgiven(const Profile& profile, const Step& step, const json& allowed, json seen) {
  if (profile.allows(Aspect::error_text) && seen.is_object()) forget_error_text(seen);
  if (profile.allows(Aspect::request_words) && std::holds_alternative<IoStep>(step.action) &&
      is_text(seen) && (is_text(allowed) || is_set(allowed))) {
    return Allowed::any("words of failed guest requests");
  }
  if (has_fields_of_qemu(step)) put_right(profile, alternatives(allowed), seen);
  return seen;
}

std::optional<Finding> judge(const Step& step, const json& allowed, const json& seen,
                             const Profile* profile) {
  if (profile == nullptr || (profile->exact() && !profile->newer())) {
    return judge(step, allowed, seen);
  }
  return judge(step, allowed, forgiven(*profile, step, allowed, seen));
}

}  // namespace sim
