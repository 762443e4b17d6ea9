// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <map>

#include "sim/damage.h"
#include "sim/fuzz/generator.h"

namespace sim::fuzz {

namespace {

/// Replaces each $word of `line` by what `fill` says for it.
template <class Fill>
std::string filled(const std::string& line, const Fill& fill) {
  std::string text;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] != '$') {
      text += line[i++];
      continue;
    }
    std::size_t end = i + 1;
    while (end < line.size() && std::isalnum(static_cast<unsigned char>(line[end]))) ++end;
    text += fill(line.substr(i, end - i));
    i = end;
  }
  return text;
}

}  // namespace

std::string Generator::tell(const Story& story, const View& view) {
  constexpr std::size_t longest_name = 1023;
  std::map<std::string, std::string> fixed{{"$long", std::string(longest_name, 'x')},
                                           {"$longer", std::string(longest_name + 1, 'x')}};
  std::vector<std::string> repairable = bitmap_damages();
  std::erase(repairable, "autoclear");
  View small;
  small.size = 65536;
  const auto drawn = [&](const std::string& place) -> std::string {
    if (place == "$node") return node_of(view);
    if (place == "$bitmap") return bitmap_of(view);
    if (place == "$image") return one_of(images_);
    if (place == "$job") return job_of(view);
    if (place == "$base") return images_.front();
    if (place == "$request") return faulty_.empty() ? async_words(small) : "read 0 512";  // M52
    return view.nodes.empty() ? drive : view.nodes.front().name;  // $below: the bottom comes first
  };
  const auto made = [&](const std::string& place) {
    if (place == "$damage") return one_of(repairable);
    if (place[1] == 'h') return one_of(header_damages());
    if (place[1] == 'f') return new_file();
    return place[1] == 'd' ? fmt::format("d{}", nodes_++) : new_node();
  };
  const auto fill = [&](const std::string& place) -> std::string {
    const auto known = fixed.find(place);
    if (known != fixed.end()) return known->second;
    const bool stays = place == "$damage" || std::isdigit(static_cast<unsigned char>(place.back()));
    return stays ? fixed.emplace(place, made(place)).first->second : drawn(place);
  };
  for (const std::string& line : story) planned_.push_back(filled(line, fill));
  std::string first = std::move(planned_.front());
  planned_.pop_front();
  return first;
}

}  // namespace sim::fuzz
