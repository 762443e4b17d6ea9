// SPDX-License-Identifier: MIT
#include "sim/subject_model_foreign.h"

#include "sim/foreign/disk.h"
#include "sim/foreign/keepsakes.h"

namespace sim {

model::Image model_image(const foreign::Image& image) {
  const foreign::Facts facts = foreign::facts_of(image);
  model::Image result{.format = "qcow2", .version = static_cast<int>(image.version)};
  result.cluster = image.cluster_size();
  result.size = image.size;
  result.backing = image.backing_file;
  result.backing_format = image.backing_format;
  for (const foreign::Facts::Run& run : facts.data)
    model::paint(result.data, run.start, run.end, model::Bytes().set(run.byte));
  for (const foreign::Bitmap& bitmap : image.bitmaps) {
    model::StoredBitmap stored{.name = bitmap.name, .in_use = bitmap.in_use};
    stored.granularity = std::uint64_t{1} << bitmap.granularity_bits;
    stored.enabled = bitmap.automatic;
    for (const auto& [start, end] : foreign::dirty_granules(image, bitmap))
      stored.bits.must.add(start, end);
    stored.bits.may = stored.bits.must;
    result.directory.push_back(std::move(stored));
  }
  result.keepsakes = foreign::keepsakes_of(image);
  result.taken = facts.extra_header;
  if (image.zstd) result.damaged = {"compression-feature", "compression-type"};
  result.unknown_features = facts.unknown_features;
  for (const auto& [bit, name] : image.feature_names) result.feature_names.emplace_back(bit, name);
  if (facts.unknown_features != 0) result.damaged.insert("unknown-feature");
  if ((image.incompatible & foreign::corrupt_bit) != 0) result.damaged.insert("corrupt");
  result.snapshots = facts.snapshots;
  result.strange = image.autoclear != 0;
  result.dirty = (image.incompatible & foreign::dirty_bit) != 0;
  result.wrong = facts.corruptions;
  result.leaks = facts.leaks;
  for (const auto& [start, end] : facts.broken) result.broken.add(start, end);
  return result;
}

}  // namespace sim
