// SPDX-License-Identifier: MIT
#pragma once

#include <rapidcheck/Random.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "sim/fuzz/profile.h"
#include "sim/fuzz/stories.h"
#include "sim/fuzz/view.h"

namespace sim::fuzz {

/// Draws the lines of a scenario one by one, most of them sensible for what the model shows. Each
/// run first draws what it will do at all (some kinds of steps, some parameters: a swarm), so that
/// runs differ in character and not only in detail. The lines depend on the seed and on what the
/// views hold, on nothing else.
class Generator {
 public:
  Generator(std::uint64_t seed, const Profile& profile);

  /// The next line, in the words of the scenario language. `look` tells what there is; it is asked
  /// only where the line is not planned yet.
  std::string next(const std::function<const View&()>& look);
  /// What makes all storage that fails work again.
  std::vector<std::string> repairs() const;

 private:
  void choose_kinds(const Profile& profile);
  void make_images();
  /// Of an image: its clusters, and now and then what else decides how long its tables are.
  struct Format {
    std::uint64_t cluster = 65536;
    unsigned version = 3;
    unsigned refcount_bits = 16;
    std::string options = {};  ///< of `create` and `foreign`
  };
  Format draw_format();
  void fill(std::uint64_t size);
  /// An image that something else left, for the file that is to be on top.
  std::string foreign(const Format& format, std::uint64_t size, const std::string& below_this);
  std::string foreign_range(const Format& format, std::uint64_t size);
  std::string foreign_bitmap(std::uint64_t size);
  std::string foreign_clusters(const Format& format, std::uint64_t size);
  std::string foreign_incompatible();
  std::string foreign_feature(std::uint64_t size);
  std::string foreign_backing(const std::string& file);
  void plug();
  void draw(const View& view);
  /// A line, and perhaps some that are planned to follow it.
  std::string line(Kind kind, const View& view);
  std::string tell(const Story& story, const View& view);
  std::string guest_io(Kind kind, const View& view);
  std::string bitmap_verb(Kind kind, const View& view);
  std::string add(const View& view);
  std::string merge(const View& view);
  std::string merge_into_new(const View& view);
  std::string snapshot(const View& view);
  std::string commit(const View& view);
  std::string job_verb(const View& view);
  std::string one_job_verb(const View& view);
  std::string verb_for(const View::Job& job, const View& view);
  std::vector<std::string> completion(const std::string& job, const View& view);
  std::string wait();
  std::string resize(const View& view);
  std::string observe(Kind kind, const View& view);
  std::string ask();
  std::string fault(const View& view);
  /// Ends the process; the drive is plugged anew on what it showed last.
  std::string end_process(Kind kind);
  std::string cut_short(const View& view);
  void plan_next_process();

  /// A number below `bound`.
  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }
  std::uint64_t disk_size();
  std::uint64_t aligned_below(std::uint64_t bound);
  /// Where a request goes; past the end of the disk once in a while.
  struct Place {
    std::uint64_t offset, length;
  };
  Place place(const View& view);
  Place place_near(const View& view);
  std::string async_request(const View& view);
  std::string async_words(const View& view);
  std::string async_burst(const View& view);
  std::string new_file() { return "TEST_DIR/PID-" + std::to_string(files_++); }
  std::string new_node() { return "n" + std::to_string(nodes_++); }
  std::string node_of(const View& view);
  std::string layer_of(const View& view);
  std::string job_of(const View& view);
  /// "node=N name=B": of a bitmap that there is, for the most part.
  std::string bitmap_of(const View& view);

  rc::Random random_;
  std::vector<Kind> kinds_;  ///< each as often as its weight
  std::deque<std::string> planned_;
  std::uint64_t unit_ = 512;  ///< what offsets and lengths of guest I/O are multiples of
  bool unmap_ = false;
  std::string caches_;               ///< options of the drive
  bool crowds_ = false;              ///< many requests at once, in few places
  Place latest_{0, 512};             ///< of the guest's requests
  Place elsewhere_{0, 512};          ///< of those of a crowd
  std::vector<std::string> images_;  ///< what the drive showed, the oldest first
  std::string file_;                 ///< what the drive shows to the guest
  std::vector<std::string> faulty_;  ///< files whose storage may fail
  bool may_be_wrong_ = true;         ///< whether images may come with wrong refcounts
  unsigned foreign_bitmaps_ = 0;     ///< of the image that is described
  unsigned files_ = 0;
  unsigned nodes_ = 0;
};

}  // namespace sim::fuzz
