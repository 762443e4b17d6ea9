// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sim {

/// The asynchronous requests of a guest that nobody has waited for, in qemu-io's words. A guest
/// keeps several writes in flight, but not on the same bytes: which of them comes last nobody could
/// tell (M41).
class WritesInFlight {
 public:
  /// Whether a guest gives this command without waiting for them: it reads, or it writes elsewhere
  /// on the same node and is not waited for either.
  bool admits(const std::string& node, const std::string& command) const;
  /// A command that was given.
  void note(const std::string& node, const std::string& command);
  void clear();
  /// The node of the latest request; empty if there is none.
  const std::string& node() const { return node_; }

 private:
  struct Range {
    std::uint64_t start = 0;
    std::uint64_t end = ~std::uint64_t{0};
  };
  static Range range_of(const std::string& command);

  std::string node_;
  std::vector<Range> writes_;
};

}  // namespace sim
