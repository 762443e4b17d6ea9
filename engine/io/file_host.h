// SPDX-License-Identifier: MIT
#pragma once

#include "engine/io/storage.h"

namespace engine::io {

/// The files of this machine.
class FileHost final : public Host {
 public:
  Task<std::unique_ptr<Storage>> open(const std::string& path, Access access,
                                      Locking locking) override;
  Task<std::unique_ptr<Storage>> create(const std::string& path) override;
};

}  // namespace engine::io
