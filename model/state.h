// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/ranges.h"

namespace model {

/// What is known of a set of granules: all of `must` are in it, none outside of `may` (M1).
struct Known {
  Runs must;
  Runs may;
  bool exact() const { return must == may; }
  bool operator==(const Known&) const = default;
};

/// A dirty bitmap of a node, in memory.
struct Bitmap {
  std::string name = {};
  Number granularity = 0;
  Known bits = {};
  bool enabled = true;
  bool persistent = false;
  bool read_only = false;
  bool inconsistent = false;
  Runs unsure = {};  ///< bytes that a job may have copied before this bitmap could see it
  bool operator==(const Bitmap&) const = default;
};

/// A bitmap in an image's directory.
struct StoredBitmap {
  std::string name = {};
  Number granularity = 0;
  Known bits = {};
  bool in_use = false;
  bool enabled = true;
  bool operator==(const StoredBitmap&) const = default;
};

/// How often something happened, which tells no two states apart.
struct Tally {
  Number times = 0;
  bool operator==(const Tally&) const { return true; }
};

/// An image file.
struct Image {
  std::string format = {};
  int version = 3;
  Number cluster = 1;  ///< unit of allocation in bytes; 1 for raw
  Number size = 0;
  std::string backing = {};  ///< as recorded, empty for none
  std::string backing_format = {};
  Number taken = 0;  ///< bytes of the header that unknown extensions take (M60)
  Extents data = {};
  Extents unsynced = {};  ///< what the places written since the last flush held before
  std::vector<StoredBitmap> directory = {};
  Tally openings = {};                 ///< how often it has turned writable
  std::set<std::string> damaged = {};  ///< what of it is broken (S53, M70)
  Number unknown_features = 0;         ///< incompatible ones (M68, M70)
  std::vector<std::pair<unsigned, std::string>> feature_names = {};  ///< by bit (M68)
  nlohmann::json keepsakes = {};  ///< of others, which nothing changes (M67, M68)
  bool snapshots = false;         ///< whether there are any inside (M67)
  bool strange = false;           ///< whether autoclear bits are to be cleared (M68)
  bool dirty = false;             ///< the bit of the header (M69)
  unsigned wrong = 0, leaks = 0;  ///< what a check finds until it is repaired (M69)
  Runs broken = {};               ///< of the disk, what its tables map to no cluster (M73)
  bool operator==(const Image&) const = default;
};

/// An open image, or a job's filter above one (no bitmaps of the image, data through `below`).
struct Node {
  int id = 0;
  std::string name = {};  ///< empty if generated
  std::string file = {};
  std::string driver = {};
  bool read_only = false;
  bool unmap = false;
  bool added = false;                ///< by blockdev-add: lives until blockdev-del (M43)
  int over = 0;                      ///< the named file node that it is opened over, 0 for none
  int below = 0;                     ///< backing node, or what is filtered; 0 for none
  std::string over_as = {};          ///< its name for those below, if not that of the node (S66)
  std::string names = {};            ///< what its header names below, as it was opened (M38)
  std::vector<Bitmap> bitmaps = {};  ///< newest first
  bool dead = false;                 ///< found corrupt while RW (M73)
  bool filter() const { return driver.ends_with("_top"); }
  bool operator==(const Node&) const = default;
};

/// What `drive ID` plugs.
struct Device {
  std::string id = {};
  int root = 0;
  bool read_only = false;
  bool operator==(const Device&) const = default;
};

/// `ready` is what await_event or a rule has established; a running job may be ready unseen.
enum class Status { running, ready, pending, concluded };
/// How a job has been told to end.
enum class Ending { none, complete, soft_cancel, cancel, failure };

/// A commit: of the active layer if there is no overlay, else of a layer below that.
struct Job {
  std::string id = {};
  int overlay = 0, top = 0, base = 0, filter = 0;
  std::vector<int> held = {};     ///< the nodes that are busy with it (S80)
  std::string backing_file = {};  ///< what the overlay's header will name
  Number granularity = 0;
  std::int64_t speed = 0;
  bool auto_finalize = true, auto_dismiss = true;
  bool read_only_after = false;  ///< whether the base ends read-only
  bool asleep = false;           ///< certainly waits for its speed, unless it is woken (M39)
  Number old_size = 0;           ///< of the base, which grows some time after the start
  Status status = Status::running;
  Ending ending = Ending::none;
  bool paused = false;
  std::string error = {}, failed = {};  ///< failed: the operation whose fault it met (M55)
  bool stops = false;                   ///< will meet that fault and then wait to be resumed (M63)
  std::string io_status = "ok";         ///< otherwise it waits because of an I/O error (M63)
  std::string on_error = {};
  Number length = 0;                       ///< of the top, which is scanned if it is not active
  Number copied = 0;                       ///< bytes certainly copied, each time they were; scanned
  Number surplus = 0;                      ///< bytes that may have been copied beyond that
  Runs bulk = {};                          ///< to copy since the start
  Runs doubt = {};                         ///< to copy if it turns out to be allocated
  Runs fresh = {};                         ///< rewritten by the guest since
  Runs crossed = {};                       ///< of all these, written in the base itself meanwhile
  bool met = false;                        ///< whether anything was written in the base itself
  Number fresh_least = 0, fresh_most = 0;  ///< bytes that copying `fresh` takes
  bool active() const { return overlay == 0; }
  bool operator==(const Job&) const = default;
};

/// How operations on a file fail (M50).
struct Fault {
  std::string error = {};
  bool once = false;
  bool certain = true;  ///< whether the next operation fails: it may have struck, or wait
  bool operator==(const Fault&) const = default;
};

/// A guest's write that nobody has waited for (M41).
struct Request {
  int node = 0;
  Number start = 0, end = 0;
  Bytes value = {};
  Runs crossed = {};  ///< where others have written since
  bool held = false;  ///< at a filter, until its job has ended (M66)
  bool operator==(const Request&) const = default;
};

/// Everything: the files, and the process that has some of them open.
struct State {
  std::map<std::string, Image> files;
  std::map<int, Node, std::greater<>> nodes;  ///< newest first, as QEMU lists them (M12)
  std::vector<Device> devices;                ///< in the order of plugging
  std::vector<Job> jobs;                      ///< oldest first
  std::vector<Request> in_flight;
  std::map<std::pair<std::string, std::string>, Fault> faults;  ///< by file and operation
  std::map<std::string, std::string> unflushable;  ///< files that no flush reaches (M53), and why
  std::set<std::string> unreadable;                ///< files that another process keeps to itself
  std::vector<nlohmann::json> events;              ///< sent, not yet awaited
  int next_id = 1;
  bool ended = false;  ///< the process is gone; the next use starts another one
  bool operator==(const State&) const = default;
};

}  // namespace model
