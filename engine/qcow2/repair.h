// SPDX-License-Identifier: MIT
#pragma once

#include "engine/io/storage.h"
#include "engine/qcow2/header_file.h"

namespace engine::qcow2 {

/// Makes an image whole whose refcounts are not to be trusted, as one that died with lazy refcounts
/// (the dirty bit): refcounts are counted anew from what the tables refer to, and put, with a new
/// refcount table, behind everything else; then the header names them and is not dirty any more.
/// Requires that nothing of the refcounts and tables is cached. A cut at any moment leaves the
/// image dirty or repaired. Throws Refusal, and then the image is still dirty: tables that are
/// broken themselves, references that do not fit the width of refcounts; IoError.
io::Task<void> repair(io::Storage& file, HeaderFile& header);

}  // namespace engine::qcow2
