// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/foreign/header.h"
#include "sim/foreign/layout.h"

namespace sim::foreign {

/// PLACE+OFFSET^VALUE or PLACE+OFFSET=VALUE. Throws Malformed.
TablePatch table_patch(const std::string& text);

/// Where tables lie in a file that is laid out.
struct TablePlaces {
  Places named;             ///< what the header names
  std::uint64_t l2 = 0;     ///< the first L2 table
  std::uint64_t block = 0;  ///< the first refcount block
};
/// Changes a number of the file. Throws Malformed if the image has no such table.
void apply(File& file, const TablePlaces& places, const TablePatch& patch);

}  // namespace sim::foreign
