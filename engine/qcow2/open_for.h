// SPDX-License-Identifier: MIT
#pragma once

namespace engine::qcow2 {

/// What an image is opened for. A check takes an image without a refcount table or with a broken
/// snapshot table, which it is there to tell of; a corrupt image is not for writing.
enum class OpenFor { use, writing, check };

}  // namespace engine::qcow2
