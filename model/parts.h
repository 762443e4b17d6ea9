// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/state.h"

/// What the parts of the model know of each other.
namespace model {

/// A refusal: QMP's error class and text.
struct Refused {
  std::string text, kind = "GenericError";
};
nlohmann::json error_reply(const Refused& refused);
Refused no_file(const std::string& file);
/// Why an image cannot be opened; empty if it can.
std::string trouble_of(const Image& image, bool writable);
Refused no_node(const std::string& name);
Refused no_bitmap(const std::string& name);
inline const std::string& text(const nlohmann::json& arguments, const char* name) {
  return arguments[name].get_ref<const std::string&>();
}
/// For guest I/O whose output the model does not know.
inline const std::string anything = R"({"$any":true})";
inline const Bytes zero_byte{1};

// faults.cpp
/// What the faults of storage do to a request (M52).
struct Trouble {
  std::set<std::string> errors = {};  ///< that it may fail with
  bool certain = false;               ///< whether it fails
  bool nothing_done = false;          ///< and has changed nothing
};
/// M73: of who reads [start, end) of the node's disk, or writes there.
Trouble trouble_of_tables(State& state, const Node& node, Number start, Number end);
Trouble trouble_of_written(State& state, const Node& node, Number start, Number end);
Trouble trouble_reading(State& state, const Node& node, Number start, Number end);
Trouble trouble_writing(State& state, const Node& node, bool data);
/// The error with which the first such operation fails; empty if it does not.
std::string surely_fails(State& state, const std::string& file, const std::string& operation);
/// For what the model cannot follow when the file is faulty (M54).
void require_sound(const State& state, const std::string& file);
/// Whether a flush of the file makes all durable.
bool flushes(State& state, const std::string& file);
void close_file(State& state, const std::string& file);
/// M9: what was not flushed may be gone.
void lose_unsynced(Image& image);
/// What a query of nodes answers if it perhaps cannot read what their images hold (M54).
nlohmann::json unless_unreadable(State& state, const nlohmann::json& reply);
void doom(State& state, Job& job, const Runs& copied);

// model.cpp
bool is_job_verb(const std::string& name);

// schema.cpp
using Handler = nlohmann::json(State&, const nlohmann::json& arguments);
/// The command's handler, its arguments checked (S11); refuses unknown commands.
Handler* checked_command(const std::string& name, const nlohmann::json& arguments);
Handler negotiate, quit, bitmap_add, bitmap_remove, bitmap_clear, bitmap_enable, bitmap_disable,
    bitmap_merge, bitmap_sha256, block_resize, snapshot_sync, blockdev_snapshot, blockdev_add,
    blockdev_del, block_commit, job_complete, job_cancel, job_pause, job_resume, job_set_speed,
    job_finalize, job_dismiss, block_job_finalize, block_job_dismiss, query_block,
    query_named_block_nodes, query_block_jobs, query_jobs, query_anything;

// graph.cpp
void start_process(State& state);
Device* find_device(State& state, const std::string& id);
Node* find_named(State& state, const std::string& name);
/// A device's root or a named node (S6); null if there is none.
const Node* find_node(const State& state, const std::string& device_or_node);
Node* find_node(State& state, const std::string& device_or_node);
/// The same; refuses what is not there.
Node& node_called(State& state, const std::string& device_or_node);
/// Refuses if a job or a node above forbids to change what is above the node (S66, S80).
void check_not_busy(const State& state, const Node& node);
/// The node of a device, else that of a node's name, in a command that takes both (S60, S65).
Node& device_or_node(State& state, const nlohmann::json& arguments);
/// The node and all below it.
std::vector<Node*> chain_of(State& state, Node& node);
std::string node_name(const Node& node);
/// The device whose root the node is; empty if there is none.
std::string device_name(const State& state, const Node& node);
/// The file's name, or what stands for it if something else backs it than its header says (M38).
std::string shown_file(const State& state, const Node& node);
/// Writes the name of what backs a node into its header.
void name_backing(State& state, int node, const std::string& file, const std::string& format);
/// The device's name if the node is a device's root, else the node's own (S7).
std::string shown_name(const State& state, const Node& node);
bool used_by_node(const State& state, int id);
bool well_formed(const std::string& id);
void check_node_name(State& state, const std::string& name);
/// Refuses if another open node forbids opening the file (M28).
void check_lock(const State& state, const std::string& file, bool read_only, int except = 0,
                int over = 0);
/// A backing file's name, relative to the folder of the file that names it.
std::string resolve(const std::string& overlay, const std::string& backing);
/// The format that a file's first bytes tell (M72).
std::string probed(const State& state, const std::string& file);
/// What blockdev-add would be told for a backing file that is described, whose format may be
/// recorded, too (M74).
nlohmann::json described(const std::string& text, const std::string& format);
/// Opens one image, nothing below it, bitmaps not loaded.
Node& open_node(State& state, Node options);
/// Opens an image and what it is backed by: what `backing` says (a name, options, null), else what
/// its header says. Bitmaps are loaded (S48, S49).
Node& open_chain(State& state, Node options, const nlohmann::json* backing = nullptr);
/// Stores bitmaps (S44) and forgets the node and what only it used. The text of what was lost.
std::string close_unused(State& state, int id);

// blockdev.cpp
/// Closes what blockdev-add made (M43). Why its bitmaps could not be stored, if so.
std::string delete_node(State& state, const std::string& name);
/// Opens what options in blockdev-add's form say (M42).
Node& open_blockdev(State& state, const nlohmann::json& options, bool backs_another);

// bitmaps.cpp
/// Whether a disk of that size has too many bits for an image (S8).
bool too_large_to_store(Number size, Number granularity);
/// Refuses what the bitmap's state forbids (S14).
void check_usable(const Bitmap& bitmap, bool must_be_writable, bool must_be_consistent);

// resize.cpp
/// Cuts or grows an image and its bitmaps (S61…S63); refuses what the format forbids.
void resize(State& state, Node& node, Number size);

// persistence.cpp
void load_bitmaps(State& state, Node& node);
/// Stores all bitmaps or none; the reason if they are lost (B56, M37).
std::string store_bitmaps(State& state, const Node& node);
/// Takes a bitmap out of the image's directory, if it is there (S15).
void remove_stored(State& state, const Node& node, const std::string& name);
void turn_read_only(State& state, Node& node);
void turn_writable(State& state, Node& node);
void mark_base_again(State& state, const Job& job);
bool has_read_only_bitmap(const Node& node);

// content.cpp
/// A stretch of a disk and what may be read there.
struct Piece {
  Number start = 0, end = 0;
  Bytes bytes;
};
/// What may be read in [start, end) of a node.
std::vector<Piece> look(const State& state, const Node& node, Number start, Number end);
/// Writes into the layer alone. Clusters are allocated whole (M30).
void put(State& state, const Node& node, Number start, Number end, const Bytes& value);
void write(State& state, Node& node, Number start, Number end, const Bytes& value);
void discard(State& state, Node& node, Number start, Number end);
/// A write that goes on while others are served (M41).
void start_write(State& state, Node& node, Number start, Number end, const Bytes& value);
/// Waits for what is in flight to the node and to what stands on it (M57).
void drain(State& state, const Node& node);
Runs in_flight(const State& state, const Node& node);
/// What a filter has held goes on to what is now in its place (M66).
void let_go(State& state, int filter, int root);

// images.cpp
/// Whether an image's header has room for a backing file's name, and for bitmaps if so (M60).
bool fits_header(const Image& image, const std::string& backing, bool bitmaps);

// guest_io.cpp
std::vector<std::string> words_of(const std::string& line);
/// Sizes in the tools' words: "64K", "0x200", "1.5M"; too_large; nothing if malformed (M33).
constexpr Number too_large = Number{1} << 63;
std::optional<Number> parse_size(const std::string& text);

// jobs.cpp
/// Whether it may be READY without anybody having waited for it (M4).
bool perhaps_ready(const Job& job);

// commit.cpp
/// Everything is copied but for what the guest has rewritten since (M5).
void become_ready(State& state, Job& job);
void note_guest_write(State& state, const Node& node, Number start, Number end);
/// What jobs may still copy to the node, in bytes.
Runs pending_copies(const State& state, const Node& node);
/// What has to be copied: allocated above the base, or past the end of a short layer (S77, S92).
void plan_copies(State& state, Job& job);
/// Whether nobody has seen yet that the base has grown (S64).
bool may_be_short(const State& state, const Job& job);
/// Whether guests wait there until a job has ended (M66).
bool holds_guests(const State& state, const Node& node);
/// Whether the node is held by a job, so that nothing else may change the graph there (S80).
bool busy_with_commit(const State& state, int node);
/// Lets go of the nodes that the job held.
void release(State& state, Job& job);
/// What drains nodes wakes jobs that sleep to keep their speed (M39).
void wake_commits(State& state);
/// Whether jobs have been told to end and did not yet.
bool ending_jobs(const State& state);
bool job_is_ending(const State& state, const std::string& id);
void finish_ending_jobs(State& state);
void finish_ending_job(State& state, const std::string& id);
void finalize(State& state, Job& job);
/// Lets jobs go on as far as they can for that event.
void advance_for(State& state, const std::string& event);
void cancel_all_jobs(State& state);
/// S92, S94: at rest they are exact.
nlohmann::json offset(const Job& job);
nlohmann::json length(const Job& job);

nlohmann::json between(Number low, Number high);
std::string sha256_hex(std::vector<std::uint8_t> message);

}  // namespace model
