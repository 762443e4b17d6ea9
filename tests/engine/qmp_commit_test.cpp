// SPDX-License-Identifier: MIT
#include "tests/catch.h"
#include "tests/engine/qmp_twin.h"

namespace tests {
namespace {

/// Four layers with data and a stored bitmap each, plugged as drive d0, whose node is nd.
void compare_on_layers(const std::string& story) {
  compare_with_qemu(R"($ qemu-img create -q -f qcow2 a 1M
$ qemu-img create -q -f qcow2 -b DIR/a -F qcow2 b
$ qemu-img create -q -f qcow2 -b DIR/b -F qcow2 c 2M
$ qemu-img create -q -f qcow2 -b DIR/c -F qcow2 d
$ for f in a b c d; do qemu-io -c "write 0 64k" $f >/dev/null; qemu-img bitmap --add $f p$f; done
! drive_add 0 if=none,id=d0,file=DIR/d,format=qcow2,node-name=nd
block-dirty-bitmap-add {"node": "d0", "name": "t"}
)" + story);
}

TEST_CASE("QEMU says the same while an active commit runs (S70, S80)") {
  compare_on_layers(R"(
block-commit {"device": "d0", "filter-node-name": "1", "job-id": "1"}
block-commit {"device": "d0", "filter-node-name": "nd", "speed": -1}
block-commit {"device": "d0", "filter-node-name": "flt", "speed": -1}
block-commit {"device": "d0", "filter-node-name": "flt", "auto-finalize": false, "auto-dismiss": false}
wait BLOCK_JOB_READY
query-block
query-named-block-nodes
query-named-block-nodes {"flat": true}
block-dirty-bitmap-clear {"node": "d0", "name": "t"}
block-dirty-bitmap-clear {"node": "nd", "name": "t"}
block-dirty-bitmap-add {"node": "d0", "name": "f"}
block-dirty-bitmap-add {"node": "flt", "name": "f"}
block-dirty-bitmap-add {"node": "d0", "name": "p", "persistent": true}
! qemu-io d0 "write -q 0 512"
! qemu-io flt "write -q 128k 512"
! qemu-io flt "discard -q 128k 64k"
block-commit {"device": "d0"}
block-commit {"device": "nd"}
block-commit {"device": "flt"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/s", "snapshot-node-name": "s"}
blockdev-snapshot-sync {"node-name": "flt", "snapshot-file": "DIR/s", "snapshot-node-name": "s"}
blockdev-snapshot-sync {"node-name": "nd", "snapshot-file": "DIR/s", "snapshot-node-name": "s"}
block_resize {"device": "d0", "size": 0}
block_resize {"node-name": "flt", "size": 0}
block_resize {"node-name": "nd", "size": 1000}
! drive_del d0
block-job-complete {"device": "d0"}
wait BLOCK_JOB_PENDING
query-block
query-block-jobs
block-job-complete {"device": "d0"}
block-job-pause {"device": "d0"}
block-job-resume {"device": "d0"}
block-job-set-speed {"device": "d0", "speed": 3}
job-dismiss {"id": "d0"}
job-finalize {"id": "d0"}
query-block-jobs
query-jobs
query-block
query-named-block-nodes
block-commit {"device": "d0"}
block-job-finalize {"id": "d0"}
block-job-cancel {"device": "d0"}
job-dismiss {"id": "d0"}
job-dismiss {"id": "d0"}
)");
}

TEST_CASE("QEMU says the same while an intermediate commit runs (S70-S79)") {
  compare_on_layers(R"(
block-commit {"device": "d0", "top": "DIR/c", "base": "DIR/d"}
block-commit {"device": "d0", "top": "DIR/c", "base": "DIR/c"}
block-commit {"device": "d0", "top": "DIR/x"}
block-commit {"device": "d0", "top": "DIR/a"}
block-commit {"device": "d0", "top": "DIR/c", "job-id": "1", "filter-node-name": "1"}
block-commit {"device": "d0", "top": "DIR/c", "speed": -1, "filter-node-name": "1"}
block-commit {"device": "d0", "top": "DIR/c", "filter-node-name": "1"}
wait JOB_STATUS_CHANGE
wait JOB_STATUS_CHANGE
block-commit {"device": "d0", "top": "DIR/c", "filter-node-name": "nd"}
block-commit {"device": "d0", "top": "DIR/c", "base": "DIR/a", "filter-node-name": "flt", "auto-finalize": false, "auto-dismiss": false}
wait BLOCK_JOB_PENDING
query-block
query-named-block-nodes
query-block-jobs
block-dirty-bitmap-add {"node": "flt", "name": "t"}
block-dirty-bitmap-add {"node": "flt", "name": "p", "persistent": true}
block-dirty-bitmap-clear {"node": "d0", "name": "t"}
! qemu-io d0 "write -q 0 512"
! qemu-io flt "write -q 128k 512"
! qemu-io flt "read -q -P 0xcd 0 64k"
query-block
block-commit {"device": "d0", "job-id": "j"}
block-commit {"device": "flt"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/s", "snapshot-node-name": "s"}
blockdev-snapshot-sync {"node-name": "flt", "snapshot-file": "DIR/s", "snapshot-node-name": "s"}
block_resize {"device": "d0", "size": 0}
! drive_del d0
job-complete {"id": "d0"}
job-pause {"id": "d0"}
$ qemu-img info -U d | grep back
job-finalize {"id": "d0"}
query-block
query-named-block-nodes
query-block-jobs
block-commit {"device": "d0", "job-id": "j"}
job-dismiss {"id": "d0"}
query-named-block-nodes
restart
$ for f in a b c d; do qemu-img check $f | head -1; qemu-img info $f | grep -A2 -e back -e flags; done
$ qemu-img compare d b
)");
}

TEST_CASE("QEMU says the same when an intermediate commit is cancelled, or names another base") {
  compare_on_layers(R"(
block-commit {"device": "d0", "top": "DIR/c", "base": "DIR/b", "auto-finalize": false}
wait BLOCK_JOB_PENDING
job-cancel {"id": "d0"}
query-block
query-named-block-nodes
query-jobs
block-commit {"device": "d0", "top": "DIR/c", "base": "DIR/b", "backing-file": "foo"}
wait BLOCK_JOB_COMPLETED
query-block
query-named-block-nodes
block-commit {"device": "d0", "top": "DIR/d", "base": "DIR/a"}
block-commit {"device": "d0", "base": "DIR/b", "auto-dismiss": false}
wait BLOCK_JOB_READY
query-block
block-job-cancel {"device": "d0"}
wait BLOCK_JOB_COMPLETED
query-block
)");
}

TEST_CASE("QEMU says the same about discards to what a commit leaves (S24)") {
  compare_on_layers(R"(
block-commit {"device": "d0"}
wait BLOCK_JOB_READY
block-job-complete {"device": "d0"}
wait BLOCK_JOB_COMPLETED
block-dirty-bitmap-add {"node": "d0", "name": "x", "granularity": 512}
! qemu-io d0 "discard -q 0 64k"
query-block
! qemu-io d0 "read -q -P 0 0 64k"
)");
}

}  // namespace
}  // namespace tests
