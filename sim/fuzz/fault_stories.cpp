// SPDX-License-Identifier: MIT
#include "sim/fuzz/stories.h"

namespace sim::fuzz {

namespace {

const std::vector<Story> stories = {
    // M52: the guest of a raw file, and of an image
    {"create $f1 128K format=raw", "drive $d1 $f1 format=raw discard=unmap",
     "block-dirty-bitmap-add node=$d1 name=b0", "fail $f1 write error=ENOSPC",
     "io $d1 write -P 3 512 512", "io $d1 write -z 64K 512", "io $d1 discard 0 512",
     "fail $f1 read once", "io $d1 readv 0 4K", "io $d1 read 0 4K", "fail $f1 off",
     "show dirty $d1 b0", "show data $d1", "unplug $d1"},
    {"create $f1 1M cluster_size=4096", "create $f2 1M backing_file=$f1 backing_fmt=qcow2",
     "drive $d1 $f2 discard=unmap", "block-dirty-bitmap-add node=$d1 name=b0",
     "io $d1 write -P 3 64K 64K", "fail $f2 write error=ENOSPC after=1", "io $d1 write -P 4 0 4K",
     "io $d1 write -P 5 4K 4K", "io $d1 discard 64K 4K", "fail $f2 off", "fail $f1 read",
     "io $d1 write -P 6 512K 512", "io $d1 read 64K 4K", "fail $f1 off", "show dirty $d1 b0",
     "show data $d1", "unplug $d1", "show check $f2"},
    // M53: flushes that nobody hears of
    {"create $f1 1M", "drive $d1 $f1", "io $d1 write -P 3 0 64K", "io $d1 flush",
     "fail $f1 flush once", "io $d1 write -P 4 32K 64K", "io $d1 flush", "io $d1 flush",
     "show data $d1", "unplug $d1", "fail $f1 off", "drive $d1 $f1", "show data $d1", "unplug $d1"},
    // M54: opening what cannot be read, or not be marked
    {"create $f1 128K", "create $f2 128K backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f1",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true", "io $d1 write -P 3 0 512",
     "unplug $d1", "fail $f1 read error=ENOSPC", "drive $d1 $f1", "drive $d1 $f2", "fail $f1 off",
     "fail $f1 write", "drive $d1 $f1", "drive $d1 $f2", "show bitmaps $d1", "unplug $d1",
     "fail $f1 off", "drive $d1 $f1", "show dirty $d1 b0", "unplug $d1"},
    // M54, S47: bitmaps that cannot be stored, or not be taken out
    {"create $f1 128K",
     "drive $d1 $f1 node-name=$n1",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "io $d1 write -P 3 0 512",
     "io $d1 flush",
     "unplug $d1",
     "drive $d1 $f1 node-name=$n1",
     "fail $f1 read",
     "block_resize device=$d1 size=131072",
     "fail $f1 off",
     "block-dirty-bitmap-add node=$n1 name=b1 persistent=true",
     "fail $f1 write",
     "block-dirty-bitmap-remove node=$n1 name=b0",
     "show bitmaps $n1",
     "unplug $d1",
     "fail $f1 off",
     "show info $f1",
     "drive $d1 $f1 node-name=$n1",
     "show bitmaps $n1",
     "unplug $d1"},
    {"create $f1 128K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "fail $f1 flush", "unplug $d1", "fail $f1 off", "show info $f1", "drive $d1 $f1",
     "show bitmaps $d1", "unplug $d1"},
    // M55: commits whose source or base fails
    {"create $f1 1M", "create $f2 1M backing_file=$f1 backing_fmt=qcow2",
     "drive $d1 $f2 node-name=$n1", "io $d1 write -P 3 0 64K",
     "block-dirty-bitmap-add node=$n1 name=b0", "fail $f2 read once", "block-commit device=$d1",
     "wait BLOCK_JOB_ERROR", "wait BLOCK_JOB_COMPLETED", "io $d1 write -P 4 64K 512",
     "show data $d1", "block-commit device=$d1", "wait BLOCK_JOB_READY",
     "block-job-complete device=$d1", "wait BLOCK_JOB_COMPLETED", "show data $d1", "unplug $d1"},
    {"create $f1 1M", "create $f2 1M backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f2",
     "io $d1 write -P 3 0 64K", "block-commit device=$d1 auto-dismiss=false",
     "wait BLOCK_JOB_READY", "fail $f1 write error=ENOSPC", "io $d1 write -P 4 128K 512",
     "wait BLOCK_JOB_ERROR", "wait BLOCK_JOB_COMPLETED", "query-jobs", "fail $f1 off",
     "job-dismiss id=$d1", "show data $d1", "unplug $d1"},
    {"create $f1 1M", "create $f2 1M backing_file=$f1 backing_fmt=qcow2",
     "create $f3 1M backing_file=$f2 backing_fmt=qcow2", "drive $d1 $f2 node-name=$n1",
     "io $d1 write -P 3 0 64K", "unplug $d1", "drive $d1 $f3", "fail $f2 read",
     "block-commit device=$d1 top=$f2", "wait BLOCK_JOB_COMPLETED", "fail $f2 off", "show data $d1",
     "block-commit device=$d1 top=$f2", "wait BLOCK_JOB_COMPLETED", "show data $d1", "unplug $d1"},
    // M64: a commit whose base's bitmaps cannot be marked in use
    {"create $f1 1M", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "blockdev-snapshot-sync device=$d1 snapshot-file=$f2", "io $d1 write -P 3 0 64K",
     "fail $f1 write error=ENOSPC", "block-commit device=$d1", "wait BLOCK_JOB_COMPLETED",
     "fail $f1 off", "block-commit device=$d1", "wait BLOCK_JOB_READY",
     "block-job-complete device=$d1", "wait BLOCK_JOB_COMPLETED", "show dirty $d1 b0",
     "show data $d1", "unplug $d1"},
    // M63: a commit that waits for room
    {"create $f1 1M", "create $f2 1M backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f2",
     "io $d1 write -P 3 0 64K", "fail $f1 write error=ENOSPC",
     "block-commit device=$d1 on-error=enospc", "wait BLOCK_JOB_ERROR", "query-block-jobs",
     "fail $f1 off", "block-job-resume device=$d1", "wait BLOCK_JOB_READY",
     "block-job-complete device=$d1", "wait BLOCK_JOB_COMPLETED", "show data $d1", "unplug $d1"},
};

}  // namespace

const std::vector<Story>& fault_stories() { return stories; }

}  // namespace sim::fuzz
