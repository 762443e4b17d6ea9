// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/block/driver.h"
#include "engine/block/node_bitmap.h"
#include "engine/block/request_tracker.h"
#include "engine/io/runtime.h"

namespace engine::block {

class ImageBitmaps;

/// Whether guests' discards reach the image (drive option discard=unmap, S24).
enum class DiscardMode { ignore, unmap };

/// One layer of a disk: a driver, its bitmaps and the rules that hold for every format. Who stands
/// above and below whom is the Graph's business.
///
/// Requests past the end fail with EIO and mark nothing. A request that overlaps an unfinished
/// write, or a write that overlaps any unfinished request, waits for it. A request is started by
/// the call, not by awaiting the task; one that needs no waiting makes no coroutine.
class Node {
 public:
  Node(io::Runtime& runtime, std::string name, std::string filename, std::unique_ptr<Driver> driver,
       io::Access access, DiscardMode discard_mode);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  const std::string& name() const { return name_; }
  const std::string& filename() const { return filename_; }
  Driver& driver() { return *driver_; }
  const Driver& driver() const { return *driver_; }
  ByteCount length() const { return driver_->length(); }
  io::Access access() const { return access_; }
  bool read_only() const { return access_ == io::Access::read_only; }
  /// Whether no guest may write through it: it or what it filters is read-only (M35).
  bool refuses_guests() const;
  DiscardMode discard_mode() const { return discard_mode_; }

  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer);
  /// Writes fail with EPERM on a read-only node or while any bitmap is read-only (S25). A write
  /// marks every recording bitmap when it ends, be it in failure (S23).
  io::Task<void> write(GuestOffset offset, std::span<const std::byte> data);
  io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap);
  /// Does nothing, and marks nothing, unless the node was opened with discard=unmap (S24).
  io::Task<void> discard(GuestOffset offset, ByteCount length);
  io::Task<void> flush();

  /// Grows or shrinks the disk and its bitmaps (S61). Requires that nothing is unfinished.
  io::Task<void> resize(ByteCount size);
  /// Gives the bitmaps the disk's length.
  void fit_bitmaps();
  /// Has the node be read through where its overlay has nothing.
  void set_backing(Node& backing);
  /// The name of the backing file that opening the image by its name gives; empty: none.
  const std::string& named_backing() const { return named_backing_; }
  void set_named_backing(std::string filename) { named_backing_ = std::move(filename); }

  /// Newest first (S12).
  const std::vector<std::unique_ptr<NodeBitmap>>& bitmaps() const { return bitmaps_; }
  NodeBitmap& add_bitmap(NodeBitmap bitmap);
  void remove_bitmap(const NodeBitmap& bitmap);
  /// Whether one of them keeps the node from being written (S25).
  bool has_readonly_bitmap() const;
  /// Null if there is none of that name.
  NodeBitmap* find_bitmap(const std::string& name) const;
  /// Marks a range in every recording bitmap.
  void mark_dirty(GuestOffset offset, ByteCount length);
  /// Wakes whoever waits for the node to be written.
  io::WaitQueue& written() { return written_; }

  /// The bitmaps that lie in the image; null for formats that have none.
  ImageBitmaps* image_bitmaps() { return image_bitmaps_.get(); }
  const ImageBitmaps* image_bitmaps() const { return image_bitmaps_.get(); }

  /// Turns the node and the file below it writable or read-only; bitmaps are stored or taken into
  /// use (S50). `file` is the protocol node below, null if its access stays. Bitmaps that cannot be
  /// marked in use stay read-only, so nothing can be written (M64); asking for a writable node
  /// again tries again. Requires that nothing is unfinished.
  io::Task<void> set_access(io::Access access, Node* file, io::Storage& storage);

  RequestTracker& requests() { return requests_; }
  /// While quiesced, guests and jobs start no requests; internal ones go on.
  bool quiesced() const { return quiesced_ != 0; }
  void quiesce() { ++quiesced_; }
  void unquiesce();
  io::WaitQueue& resumed() { return resumed_; }
  /// Expires when the node is gone.
  std::weak_ptr<const void> life() const { return life_; }

 private:
  class BackingView;
  class Completion;

  void require_range(GuestOffset offset, ByteCount length) const;
  void require_write(GuestOffset offset, ByteCount length) const;
  io::Task<void> become_read_only(io::Storage* storage);
  io::Task<void> take_bitmaps_into_use();
  io::Task<void> read_later(GuestOffset offset, std::span<std::byte> buffer);
  io::Task<void> write_later(GuestOffset offset, std::span<const std::byte> data);
  io::Task<void> write_zeroes_later(GuestOffset offset, ByteCount length, io::Unmap unmap);
  io::Task<void> discard_later(GuestOffset offset, ByteCount length);
  io::Task<void> finish_read(const Request& request, io::Task<void> work);
  io::Task<void> finish_write(const Request& request, Completion& completion, io::Task<void> work);
  static io::Task<void> follow(std::unique_ptr<RequestTracker::Ticket> ticket, io::Task<void> work);
  io::Task<void> follow_write(std::unique_ptr<RequestTracker::Ticket> ticket, Request request,
                              io::Task<void> work);

  std::string name_;
  std::string filename_;
  std::unique_ptr<Driver> driver_;
  io::Access access_;
  DiscardMode discard_mode_;
  std::unique_ptr<BackingView> backing_view_;
  std::string named_backing_;
  std::vector<std::unique_ptr<NodeBitmap>> bitmaps_;
  std::unique_ptr<ImageBitmaps> image_bitmaps_;
  RequestTracker requests_;
  io::WaitQueue written_;
  io::WaitQueue resumed_;
  unsigned quiesced_ = 0;
  std::shared_ptr<const void> life_ = std::make_shared<char>();
};

/// The cluster size of a node's format, or of what a filter stands on; none where there is none.
std::optional<ByteCount> cluster_size(const Node& node);

}  // namespace engine::block
