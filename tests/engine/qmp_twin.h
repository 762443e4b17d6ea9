// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace tests {

/// Tells our engine and a real QEMU the same story, each in a directory of its own, and requires
/// the same answers. A line of a story is a step:
///
///     COMMAND {arguments}   a QMP command; the reply is compared
///     ! LINE                a line of the human monitor
///     wait EVENT            until the event comes; its data is compared
///     $ COMMAND             a shell command in the directory; what it prints is compared
///     restart               quits, and starts anew
///
/// DIR stands for the directory. What need not be equal is not compared: allocation, lengths of
/// image files, generated names, places, when a job rests for a moment.
void compare_with_qemu(const std::string& story);

}  // namespace tests
