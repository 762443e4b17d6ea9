// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sim/child.h"
#include "sim/foreign/layout.h"
#include "sim/subject.h"

namespace sim::foreign {

bool make_file(const std::string& path, const Image& image) {
  const Descriptor file(open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  if (file.number() < 0 && errno == EEXIST) return false;
  const File bytes = file_of(image);
  bool done = file.number() >= 0;
  for (const Patch& piece : bytes.pieces) {
    const auto length = static_cast<ssize_t>(piece.bytes.size());
    done = done && pwrite(file.number(), piece.bytes.data(), piece.bytes.size(),
                          static_cast<off_t>(piece.offset)) == length;
  }
  done = done && ftruncate(file.number(), static_cast<off_t>(bytes.size)) == 0;
  if (!done) throw SubjectFailure("cannot make " + path + ": " + std::strerror(errno));
  return true;
}

}  // namespace sim::foreign
