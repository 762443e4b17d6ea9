// SPDX-License-Identifier: MIT
#include "sim/allowed.h"

#include <algorithm>

namespace sim {

using nlohmann::json;

namespace {

constexpr const char* any_key = "$any";
constexpr const char* between_key = "$between";
constexpr const char* one_of_key = "$one-of";

}  // namespace

Allowed::Allowed(const json& said) : said_(&said) {
  if (!said.is_object() || said.size() != 1) return;
  const auto only = said.begin();
  if (only.key() == any_key) {
    kind_ = Kind::any;
  } else if (only.key() == between_key) {
    kind_ = Kind::between;
  } else if (only.key() == one_of_key) {
    kind_ = Kind::one_of;
  } else {
    return;
  }
  set_ = &*only;
}

std::string Allowed::why() const {
  if (kind_ != Kind::any) return {};
  return set_->is_string() ? set_->get<std::string>() : "the model cannot know";
}

std::vector<Allowed> Allowed::alternatives() const {
  if (kind_ != Kind::one_of) return {*this};
  std::vector<Allowed> result;
  for (const json& each : *set_) {
    for (const Allowed& inner : Allowed(each).alternatives()) result.push_back(inner);
  }
  return result;
}

bool Allowed::optional() const {
  const std::vector<Allowed> all = alternatives();
  return std::ranges::any_of(all, [](const Allowed& each) {
    return each.anything() || (each.kind_ == Kind::exactly && each.said_->is_null());
  });
}

bool Allowed::exact() const {
  if (kind_ != Kind::exactly) return false;
  if (!said_->is_structured()) return true;
  return std::all_of(said_->begin(), said_->end(),
                     [](const json& each) { return Allowed(each).exact(); });
}

json Allowed::any(const std::string& why) { return {{any_key, why}}; }

json Allowed::between(std::uint64_t least, std::uint64_t most) {
  return {{between_key, {least, most}}};
}

std::optional<json> Allowed::said_in(const std::string& text) {
  if (!text.starts_with("{\"$")) return std::nullopt;
  json said = json::parse(text, nullptr, false);
  if (Allowed(said).kind() == Kind::exactly) return std::nullopt;
  return said;
}

json Allowed::one_of(std::vector<json> values) {
  json::array_t different;
  const auto add = [&](json value) {
    if (std::ranges::find(different, value) == different.end())
      different.push_back(std::move(value));
  };
  for (json& value : values) {
    const Allowed allowed(value);
    if (allowed.kind() != Kind::one_of) {
      add(std::move(value));
      continue;
    }
    for (const Allowed& each : allowed.alternatives()) add(each.said());
  }
  if (different.size() == 1) return std::move(different.front());
  return json{{one_of_key, std::move(different)}};
}

std::optional<AllowedBits> AllowedBits::from(const json& said) {
  if (!said.is_object() || !said.contains("must") || !said.contains("may")) return std::nullopt;
  return AllowedBits{runs_of(said["must"]), runs_of(said["may"])};
}

}  // namespace sim
