// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/difference.h"
#include "sim/made_images.h"

namespace sim::sweep {

/// A line of a scenario as a step that no file has.
Step step_of(const std::string& line);

/// What a new process looks at after a crash, and what the model allows to be seen in each of the
/// worlds that the crash may have left: each image by itself read-only, header, check, bitmaps and
/// data, and then those that back no other opened for writing and closed again, as a restart would.
class Looks {
 public:
  /// Disks that are longer are not read.
  static constexpr std::uint64_t most_data = 16 << 20;

  /// `model` has just crashed; it is led through the looks. `images` are all that there are, and
  /// `half_made` is the file that the step was making, which may hold anything: neither it nor
  /// what it backs is opened. Empty: none.
  Looks(const std::vector<MadeImage>& images, const std::string& half_made, const Subject& model);

  /// The first thing that `engine`, a new process on what the crash left, shows and may not: one
  /// that no world explains which has explained all that was seen before, by the words of `judge`.
  struct Fault {
    std::size_t look;  ///< its number
    Difference difference;
  };
  using Judge = std::function<std::optional<sim::Finding>(
      const Step& step, const nlohmann::json& allowed, const nlohmann::json& seen)>;
  std::optional<Fault> find_fault(Subject& engine, const Judge& judge = to_the_letter) const;

  /// The steps that lead to a look, as lines of a scenario.
  std::vector<std::string> lines(std::size_t look) const;
  /// Images whose data is not read.
  std::size_t unread() const { return unread_; }

 private:
  static std::optional<sim::Finding> to_the_letter(const Step& step, const nlohmann::json& allowed,
                                                   const nlohmann::json& seen) {
    return judge(step, allowed, seen);
  }

  struct Look {
    Step step;
    std::vector<nlohmann::json> allowed;  ///< in each of the worlds
  };
  /// What is in a file, in one or the other of the worlds that the crash may have left.
  struct Contents {
    std::vector<std::string> bitmaps;
    std::vector<std::string> backing;
    std::uint64_t size = 0;
  };

  void look_at(const MadeImage& image);
  const std::vector<nlohmann::json>& add(const std::string& line);
  Contents look_at_file(const std::string& file);
  void look_inside(const MadeImage& image, const Contents& contents);
  void open_for_writing(const MadeImage& image);

  std::vector<std::unique_ptr<Subject>> worlds_;
  std::set<std::string> unsure_;   ///< files whose chain may hold anything, without their directory
  std::set<std::string> backing_;  ///< files that back others
  std::vector<Look> looks_;
  std::size_t unread_ = 0;
};

}  // namespace sim::sweep
