// SPDX-License-Identifier: MIT
#pragma once

#include "sim/qemu_img.h"
#include "sim/sweep/testcase_sweep.h"
#include "sim/temporary_directory.h"

namespace sim::sweep {

/// Writes the images of every so many-th state out as real files and has the qemu-img of the PATH
/// check them: leaks are allowed, corruption is not. What it cannot open is left to the engine,
/// which knows whether the image was still being made.
class QemuImgInspector : public Inspector {
 public:
  explicit QemuImgInspector(unsigned every);

  std::string complaint(const DiskFiles& files) override;
  std::uint64_t checked() const override { return checked_; }

 private:
  std::string check(const std::string& name, const SparseBytes& bytes);

  unsigned every_;
  unsigned states_ = 0;
  std::uint64_t checked_ = 0;
  TemporaryDirectory directory_;
  QemuImg qemu_img_;
};

}  // namespace sim::sweep
