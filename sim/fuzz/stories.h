// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace sim::fuzz {

/// Lines that belong together, with places that are filled in anew each time:
///
///   $node, $bitmap, $image, $job, $base   what there is, drawn for each place
///   $below                                a node that backs another, if there is one
///   $request                              a request that is not waited for, within 64 KiB
///   $d1…, $n1…, $f1…                      a drive's id, a node's name, a file: new in each story
///   $h1…                                  a field of a header, the same within the story
///   $long, $longer                        a name of 1023 and one of 1024 characters
///   $damage                               a way to damage bitmaps, the same within the story
using Story = std::vector<std::string>;

/// What nobody in his senses asks for: each is refused, at least most of the time.
const std::vector<Story>& nonsense();
/// What happens beside the one drive that every run has, and to it in a way that takes some lines:
/// other drives, raw images, nodes by name, damage, disks of no size and of many terabytes.
const std::vector<Story>& side_stories();
/// Storage that fails, and works again before the story ends.
const std::vector<Story>& fault_stories();

}  // namespace sim::fuzz
