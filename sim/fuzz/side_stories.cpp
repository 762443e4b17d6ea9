// SPDX-License-Identifier: MIT
#include "sim/damage.h"
#include "sim/fuzz/stories.h"

namespace sim::fuzz {

namespace {

const std::vector<Story> of_other_drives = {
    // S1, S7, S61: a raw image
    {"create $f1 1000448 format=raw", "drive $d1 $f1 format=raw node-name=$n1",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "block-dirty-bitmap-add node=$n1 name=b0", "io $d1 write -P 7 512 4096",
     "block_resize device=$d1 size=1001", "show bitmaps $n1", "show data $d1", "unplug $d1"},
    // S7: format version 2
    {"create $f1 128K compat=0.10", "drive $d1 $f1",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true", "unplug $d1"},
    // S8: more bits than a bitmap may have
    {"create $f1 4T", "drive $d1 $f1",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true granularity=512",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true granularity=2097152",
     "io $d1 write -P 9 3T 512", "show dirty $d1 b0", "unplug $d1"},
    // S20: disks of different sizes
    {"create $f1 66048", "drive $d1 $f1 node-name=$n1", "block-dirty-bitmap-add node=$n1 name=b0",
     R"(block-dirty-bitmap-merge node=drive0 target=b0 bitmaps=[{"node":"$n1","name":"b0"}])",
     R"(block-dirty-bitmap-merge node=drive0 target=b1 bitmaps=[{"node":"$n1","name":"b0"}])",
     "unplug $d1"},
    // S14, S47: bitmaps of a drive that nobody may write to
    {"create $f1 128K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "io $d1 write 0 512", "unplug $d1", "drive $d1 $f1 read-only=on",
     "block-dirty-bitmap-clear node=$d1 name=b0",
     "block-dirty-bitmap-add node=$d1 name=b1 persistent=true", "block_resize device=$d1 size=64K",
     "block_resize device=$d1 size=65536", "io $d1 write 0 512", "unplug $d1", "show info $f1"},
    // M37: a disk of no size
    {"create $f1 64K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "block_resize device=$d1 size=0", "show bitmaps $d1", "unplug $d1", "show info $f1"},
    // S14, S15, S62: a bitmap that is inconsistent after a crash
    {"create $f1 128K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "unplug $d1", "drive $d1 $f1", "io $d1 write 0 4096", "kill", "drive $d1 $f1 node-name=$n1",
     "block-dirty-bitmap-enable node=$n1 name=b0", "block_resize device=$d1 size=65536",
     "block-dirty-bitmap-remove node=$n1 name=b0", "block_resize device=$d1 size=65536",
     "unplug $d1"},
    // M36: version 2 cannot grow over a longer backing file
    {"create $f1 1M", "create $f2 64K compat=0.10 backing_file=$f1 backing_fmt=qcow2",
     "drive $d1 $f2", "block_resize device=$d1 size=1048576", "unplug $d1"},
    // M17: a base that cannot grow
    {"create $f1 64K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "unplug $d1", "drive $d1 $f1", "kill", "create $f2 128K backing_file=$f1 backing_fmt=qcow2",
     "drive $d1 $f2", "io $d1 write -P 3 65536 512", "block-commit device=$d1",
     "wait BLOCK_JOB_COMPLETED", "show data $d1", "unplug $d1"},
    // S54: bits that take two clusters
    {"create $f1 4M cluster_size=512", "drive $d1 $f1",
     "block-dirty-bitmap-add node=$d1 name=b0 persistent=true granularity=512",
     "io $d1 write -P 3 3M 512", "unplug $d1", "drive $d1 $f1", "show dirty $d1 b0", "unplug $d1"},
    // S54: so many bitmaps that their directory takes several clusters
    {"create $f1 64K cluster_size=512",
     "drive $d1 $f1",
     "block-dirty-bitmap-add node=$d1 name=first persistent=true",
     "block-dirty-bitmap-add node=$d1 name=second-with-a-long-name persistent=true",
     "block-dirty-bitmap-add node=$d1 name=third persistent=true granularity=512",
     "block-dirty-bitmap-add node=$d1 name=fourth persistent=true granularity=4096",
     "block-dirty-bitmap-add node=$d1 name=fifth persistent=true disabled=true",
     "block-dirty-bitmap-add node=$d1 name=sixth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=seventh persistent=true",
     "block-dirty-bitmap-add node=$d1 name=eighth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=ninth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=tenth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=eleventh-with-a-name-that-is-longer-still "
     "persistent=true",
     "block-dirty-bitmap-add node=$d1 name=twelfth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=thirteenth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=fourteenth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=fifteenth persistent=true",
     "block-dirty-bitmap-add node=$d1 name=sixteenth persistent=true",
     "io $d1 write -P 5 32K 512",
     "unplug $d1",
     "drive $d1 $f1",
     "block-dirty-bitmap-remove node=$d1 name=sixth",
     "io $d1 write -P 5 0 512",
     "unplug $d1",
     "show info $f1",
     "show check $f1",
     "drive $d1 $f1",
     "show bitmaps $d1",
     "unplug $d1"},
    // S54: refcounts that take more blocks than a table of one cluster names
    {"create $f1 4M cluster_size=512 refcount_bits=64", "drive $d1 $f1", "io $d1 write -P 5 0 3M",
     "io $d1 flush", "io $d1 write -P 6 2M 64K", "unplug $d1", "show check $f1",
     "drive $d1 $f1 discard=unmap", "io $d1 discard 1M 1M", "unplug $d1", "show check $f1"},
    // S60: an L1 table that grows, and one that is cut
    {"create $f1 64K cluster_size=512", "drive $d1 $f1", "io $d1 write -P 5 0 64K",
     "block_resize device=$d1 size=4194304", "io $d1 write -P 6 3M 512",
     "block_resize device=$d1 size=33280", "block_resize device=$d1 size=131072", "show data $d1",
     "unplug $d1", "show check $f1"},
    // M27: a drive that is called like a node
    {"create $f1 64K", "create $f2 64K", "drive $d1 $f1 node-name=$n1", "drive $n1 $f2",
     "unplug $d1"},
    // M28: who may open what twice
    {"create $f1 64K", "drive $d1 $f1", "drive $d2 $f1", "drive $d2 $f1 read-only=on", "unplug $d1",
     "drive $d1 $f1 read-only=on", "drive $d2 $f1 read-only=on",
     "block_resize device=$d1 size=131072", "unplug $d1", "unplug $d2"},
    {"create $f1 64K format=raw", "drive $d1 $f1"},
    // S53, S55: an image that somebody broke
    {"create $f1 64K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "io $d1 write -P 5 0 512", "unplug $d1", "create $f2 64K backing_file=$f1 backing_fmt=qcow2",
     "damage $f1 $damage", "drive $d1 $f1", "show info $f1", "drive $d2 $f2", "unplug $d1",
     "unplug $d2", "blockdev-add driver=qcow2 node-name=$n1 file.driver=file file.filename=$f2",
     "blockdev-del node-name=$n1", "damage $f1 $damage", "drive $d1 $f1", "show bitmaps $d1",
     "unplug $d1"},
    // M70: its header
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2", "damage $f2 $h1",
     "drive $d1 $f2", "unplug $d1", "show info $f2", "show check $f2", "damage $f2 $h1",
     "drive $d1 $f2", "unplug $d1"},
    {"create $f1 64K compat=0.10", "create $f2 64K backing_file=$f1 backing_fmt=qcow2",
     "damage $f1 $h1", "drive $d1 $f1 read-only=on", "unplug $d1", "drive $d2 $f2", "unplug $d2",
     "damage $f1 $h1", "drive $d2 $f2", "unplug $d2"},
    {"create $f1 64K cluster_size=512", "damage $f1 disk-size", "drive $d1 $f1",
     "damage $f1 disk-size", "drive $d1 $f1", "unplug $d1"},
    {"create $f1 64K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "block-dirty-bitmap-add node=$d1 name=b1 persistent=true", "unplug $d1",
     "damage $f1 bitmap-extra", "drive $d1 $f1", "show info $f1"},
    {"create $f1 64K", "drive $d1 $f1", "block-dirty-bitmap-add node=$d1 name=b0 persistent=true",
     "io $d1 write -P 5 0 512", "unplug $d1", "damage $f1 autoclear", "drive $d1 $f1",
     "show bitmaps $d1", "unplug $d1"},
};

const std::vector<Story> of_nodes = {
    // M42, M43: who has a node, and who may take it away
    {"create $f1 64K", "blockdev-add driver=file node-name=$n1 filename=$f1",
     "blockdev-add driver=qcow2 node-name=$n2 file=$n1",
     "blockdev-add driver=qcow2 node-name=$n3 file=$n1",
     "block-dirty-bitmap-add node=$n2 name=b0 persistent=true", "io $n2 write -P 6 0 512",
     "blockdev-del node-name=$n1", "blockdev-del node-name=$n2", "blockdev-del node-name=$n1"},
    {"create $f1 64K", "blockdev-add driver=file node-name=$n1 filename=$f1 read-only=true",
     "blockdev-add driver=qcow2 node-name=$n2 file=$n1",
     "blockdev-add driver=qcow2 node-name=$n2 file=$n1 read-only=true",
     "blockdev-del node-name=$n2", "blockdev-del node-name=$n1"},
    {"create $f1 64K",
     "blockdev-add driver=qcow2 node-name=$n1 file.driver=file file.node-name=$n2 "
     "file.filename=$f1",
     "blockdev-del node-name=$n2", "blockdev-del node-name=$n1"},
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2",
     "blockdev-add driver=qcow2 node-name=$n1 read-only=true file.driver=file file.filename=$f1",
     "blockdev-add driver=qcow2 node-name=$n2 backing=$n1 file.driver=file file.filename=$f2",
     "blockdev-del node-name=$n1", "blockdev-snapshot node=$n2 overlay=$n1",
     "blockdev-del node-name=$n2", "blockdev-del node-name=$n1"},
    // S66: an overlay that has a life of its own
    {"create $f1 1M",
     "blockdev-add driver=qcow2 node-name=$n1 backing=null file.driver=file file.filename=$f1",
     "blockdev-snapshot node=drive0 overlay=$n1", "blockdev-del node-name=$n1"},
    {"create $f1 64K format=raw",
     "blockdev-add driver=raw node-name=$n1 file.driver=file file.filename=$f1",
     "blockdev-snapshot node=drive0 overlay=$n1", "blockdev-del node-name=$n1"},
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2",
     "blockdev-add driver=qcow2 node-name=$n1 file.driver=file file.filename=$f2",
     "blockdev-snapshot node=drive0 overlay=$n1", "blockdev-del node-name=$n1"},
};

const std::vector<Story> of_jobs = {
    // M15: somebody reads the base
    {"drive $d1 $base read-only=on", "block-commit device=drive0", "unplug $d1"},
    // S77: a base whose granules are larger than the overlay's clusters
    {"create $f1 1M", "create $f2 1M cluster_size=512 backing_file=$f1 backing_fmt=qcow2",
     "blockdev-add driver=qcow2 node-name=$n1 file.driver=file file.filename=$f2 "
     "backing.driver=qcow2 backing.node-name=$n2 backing.file.driver=file "
     "backing.file.filename=$f1",
     "block-dirty-bitmap-add node=$n2 name=b0 granularity=512", "io $n1 write -P 3 1024 512",
     "block-commit device=$n1 job-id=j1", "wait BLOCK_JOB_READY", "show dirty $n2 b0",
     "job-cancel id=j1", "wait BLOCK_JOB_COMPLETED", "blockdev-del node-name=$n1"},
    // S77: zeros over data
    {"create $f1 128K", "drive $d1 $f1 node-name=$n1", "io $d1 write -P 3 0 128K",
     "blockdev-snapshot-sync device=$d1 snapshot-file=$f2", "io $d1 write -z 0 64K",
     "block-commit device=$d1 job-id=j1", "wait BLOCK_JOB_READY", "show data $n1",
     "job-cancel id=j1", "wait BLOCK_JOB_COMPLETED", "unplug $d1"},
    // M56: somebody reads what is between
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2",
     "create $f3 64K backing_file=$f2 backing_fmt=qcow2", "drive $d1 $f3",
     "blockdev-add driver=qcow2 node-name=$n1 read-only=true backing=null file.driver=file "
     "file.filename=$f2",
     "block-commit device=$d1 job-id=j1", "blockdev-del node-name=$n1",
     "block-commit device=$d1 job-id=j1", "wait BLOCK_JOB_READY", "drive $d2 $f2 read-only=on",
     "show check $f2", "job-cancel id=j1", "wait BLOCK_JOB_CANCELLED", "show check $f2",
     "unplug $d1"},
    // S74, S90: two jobs
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f2",
     "io $d1 write -P 4 0 4096", "block-commit device=drive0 job-id=j1",
     "block-commit device=$d1 job-id=j1 auto-dismiss=false", "wait BLOCK_JOB_READY", "query-jobs",
     "job-cancel id=j1", "wait BLOCK_JOB_CANCELLED", "query-jobs", "job-dismiss id=j1"},
    // S82…S84, S87: the states of a job, one after the other
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f2",
     "io $d1 write -P 4 0 4096", "block-commit device=$d1 speed=1", "job-pause id=$d1",
     "job-pause id=$d1", "wait BLOCK_JOB_READY", "query-jobs", "block-job-cancel device=$d1",
     "job-resume id=$d1", "job-resume id=$d1", "query-jobs", "job-finalize id=$d1",
     "job-cancel id=$d1", "wait BLOCK_JOB_CANCELLED"},
    {"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f2",
     "io $d1 write -P 4 0 4096", "block-commit device=$d1 auto-finalize=false auto-dismiss=false",
     "wait BLOCK_JOB_READY", "query-jobs", "job-pause id=$d1", "query-jobs", "job-resume id=$d1",
     "job-complete id=$d1", "wait BLOCK_JOB_PENDING", "query-jobs", "block-job-finalize id=$d1",
     "wait BLOCK_JOB_COMPLETED", "query-jobs", "block-job-dismiss id=$d1"},
    // M66: what a guest sends while the job is pending
    {"create $f1 64K", "drive $d1 $f1", "blockdev-snapshot-sync device=$d1 snapshot-file=$f2",
     "block-commit device=$d1 auto-finalize=false", "wait BLOCK_JOB_READY",
     "block-job-complete device=$d1", "wait BLOCK_JOB_PENDING", "io $d1 aio_write -P 4 0 4096",
     "io $d1 aio_read 0 8192", "job-finalize id=$d1", "settle", "show data $d1"},
};

const std::vector<Story> of_guests = {
    // M57: what drains all drives, and what drains one
    {"create $f1 128K", "drive $d1 $f1", "io $d1 $request", "io drive0 $request", "io $d1 $request",
     "io drive0 $request", "blockdev-snapshot-sync device=$d1 snapshot-file=$f2", "show data $d1",
     "show data drive0", "unplug $d1"},
    {"create $f1 128K", "create $f2 128K backing_file=$f1 backing_fmt=qcow2", "drive $d1 $f1",
     "io $d1 write -P 5 0 64K", "unplug $d1", "drive $d1 $f2 node-name=$n1", "io $d1 $request",
     "io drive0 $request", "io $d1 $request", "block_resize device=$d1 size=196608",
     "io $d1 $request", "io $n1 $request", "unplug $d1", "show check $f2"},
};

/// M70: every field of a header is broken and mended again, some to a story.
std::vector<Story> of_headers() {
  constexpr std::size_t fields_of_a_story = 5;
  std::vector<Story> stories;
  const std::vector<std::string> fields = header_damages();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i % fields_of_a_story == 0)
      stories.push_back({"create $f1 64K", "create $f2 64K backing_file=$f1 backing_fmt=qcow2"});
    const std::string damage = "damage $f2 " + fields[i];
    for (const std::string& line : {damage, std::string("show info $f2"), damage})
      stories.back().push_back(line);
  }
  return stories;
}

std::vector<Story> all() {
  std::vector<Story> stories = of_other_drives;
  const std::vector<Story> headers = of_headers();
  stories.insert(stories.end(), headers.begin(), headers.end());
  stories.insert(stories.end(), of_guests.begin(), of_guests.end());
  stories.insert(stories.end(), of_nodes.begin(), of_nodes.end());
  stories.insert(stories.end(), of_jobs.begin(), of_jobs.end());
  return stories;
}

}  // namespace

const std::vector<Story>& side_stories() {
  static const std::vector<Story> stories = all();
  return stories;
}

}  // namespace sim::fuzz
