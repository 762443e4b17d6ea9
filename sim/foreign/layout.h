// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "sim/damage.h"
#include "sim/foreign/image.h"

namespace sim::foreign {

/// A file as the pieces of it that are not zero.
struct File {
  std::uint64_t size = 0;
  std::vector<Patch> pieces;
};

/// The image's bytes. Requires a description that described() accepts.
File file_of(const Image& image);

/// Makes the file, as a whole; false if there is one of that name. Throws SubjectFailure if it
/// cannot be written.
bool make_file(const std::string& path, const Image& image);

}  // namespace sim::foreign
