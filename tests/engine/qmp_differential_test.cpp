// SPDX-License-Identifier: MIT
#include "tests/catch.h"
#include "tests/engine/qmp_twin.h"

namespace tests {
namespace {

/// The images that every story here starts from.
void compare_on_drives(const std::string& story) {
  compare_with_qemu(R"($ qemu-img create -q -f qcow2 base.qcow2 1M
$ qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M
$ qemu-img create -q -f qcow2 -o cluster_size=512 small.qcow2 64k
$ qemu-img create -q -f raw odd.raw 1000
$ qemu-img bitmap --add small.qcow2 stored
$ qemu-img bitmap --add --disable small.qcow2 off
)" + story);
}

TEST_CASE("QEMU says the same about drives") {
  compare_on_drives(R"(
! drive_add 0 if=none,id=d0,file=DIR/base.qcow2,format=qcow2,node-name=n0
! drive_add 0 if=none,id=d0,file=DIR/v2.qcow2,format=qcow2
! drive_add 0 if=none,id=d1,file=DIR/base.qcow2,format=qcow2
! drive_add 0 if=none,id=d1,file=DIR/nope.qcow2,format=qcow2
! drive_add 0 if=none,id=d1,file=DIR/odd.raw,format=qcow2
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=foo
! drive_add 0 if=none,id=d1,file=DIR,format=raw
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2,node-name=n0
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2,node-name=9x
! drive_add 0 if=none,id=n0,file=DIR/v2.qcow2,format=qcow2
! drive_add 0 if=none,id=9x,file=DIR/v2.qcow2,format=qcow2
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2,bogus=1
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2,read-only=maybe
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2,discard=maybe
! drive_add 0 if=none,id=d1,format=raw
! drive_add
! foo
!  
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2
! drive_add 0 if=none,id=d2,file=DIR/small.qcow2,format=qcow2,read-only=on
! drive_add 0 if=none,id=d3,file=DIR/odd.raw,format=raw
query-block
query-named-block-nodes
query-named-block-nodes {"flat": true}
! drive_del nope
! drive_del
! drive_del d1
! qemu-io nope "read 0 1"
! qemu-io
! qemu-io d0
! qemu-io d0 read 0 1
! qemu-io d2 "write 0 1"
query-block
)");
}

TEST_CASE("QEMU says the same about arguments (S11)") {
  compare_on_drives(R"(
query-block {"a": 1}
bogus-command
block-dirty-bitmap-add
block-dirty-bitmap-add {"bogus": 1}
block-dirty-bitmap-add {"node": "x"}
block-dirty-bitmap-add {"node": 1, "name": "y"}
block-dirty-bitmap-add {"node": "x", "name": null}
block-dirty-bitmap-add {"node": "x", "name": "y", "bogus": 1}
block-dirty-bitmap-add {"node": "x", "name": "y", "persistent": "x"}
block-dirty-bitmap-add {"node": "x", "name": "y", "granularity": "x"}
block-dirty-bitmap-add {"node": "x", "name": "y", "granularity": -1}
block-dirty-bitmap-add {"node": "x", "name": "y", "granularity": 4294967296}
block-dirty-bitmap-add {"node": "x", "name": "y", "granularity": 1.5}
block-dirty-bitmap-merge {"node": "x", "target": "y"}
block-dirty-bitmap-merge {"node": "x", "target": "y", "bitmaps": "z"}
block-dirty-bitmap-merge {"node": "x", "target": "y", "bitmaps": [1]}
block-dirty-bitmap-merge {"node": "x", "target": "y", "bitmaps": [{}]}
block-dirty-bitmap-merge {"node": "x", "target": "y", "bitmaps": [{"node": "n"}]}
block-dirty-bitmap-merge {"node": "x", "target": "y", "bitmaps": [{"node": "n", "name": 3}]}
block-dirty-bitmap-merge {"node": "x", "target": "y", "bitmaps": [{"node": "n", "name": "m", "o": 3}]}
block-job-set-speed {"device": "x", "speed": "y"}
block-job-set-speed {"device": "x", "speed": 18446744073709551615}
block-job-cancel {"device": "x", "force": "y"}
block-commit {"device": "x", "on-error": "bogus"}
blockdev-snapshot-sync {"snapshot-file": "x", "mode": "bogus"}
human-monitor-command
human-monitor-command {"command-line": 1}
qmp_capabilities {"enable": 3}
)");
}

TEST_CASE("QEMU says the same about bitmaps (S1-S22)") {
  const std::string long_name(1024, 'n');
  const std::string longest_name(1023, 'n');
  compare_on_drives(R"(
! drive_add 0 if=none,id=d0,file=DIR/base.qcow2,format=qcow2,node-name=n0
! drive_add 0 if=none,id=d1,file=DIR/v2.qcow2,format=qcow2
! drive_add 0 if=none,id=d2,file=DIR/small.qcow2,format=qcow2,node-name=n2,read-only=on
! drive_add 0 if=none,id=d3,file=DIR/odd.raw,format=raw,node-name=n3
block-dirty-bitmap-add {"node": "x", "name": ""}
block-dirty-bitmap-add {"node": "x", "name": "y"}
block-dirty-bitmap-clear {"node": "x", "name": "y"}
block-dirty-bitmap-clear {"node": "d0", "name": "y"}
block-dirty-bitmap-remove {"node": "n0", "name": ""}
block-dirty-bitmap-add {"node": "d0", "name": "a", "granularity": 0}
block-dirty-bitmap-add {"node": "d0", "name": "a", "granularity": 3000}
block-dirty-bitmap-add {"node": "d0", "name": "a", "granularity": 256}
block-dirty-bitmap-add {"node": "d0", "name": "a", "granularity": 2147483648, "persistent": true}
block-dirty-bitmap-add {"node": "n0", "name": "a"}
block-dirty-bitmap-add {"node": "n0", "name": "a", "persistent": true}
block-dirty-bitmap-add {"node": "d1", "name": "a", "persistent": true}
block-dirty-bitmap-add {"node": "d1", "name": "a", "disabled": true}
block-dirty-bitmap-add {"node": "d3", "name": "a", "persistent": true}
block-dirty-bitmap-add {"node": "d3", "name": "a", "granularity": 512}
block-dirty-bitmap-add {"node": "d2", "name": "stored", "persistent": true}
block-dirty-bitmap-add {"node": "d2", "name": "new"}
block-dirty-bitmap-add {"node": "d0", "name": ")" +
                    long_name + R"("}
block-dirty-bitmap-add {"node": "d0", "name": ")" +
                    long_name + R"(", "persistent": true}
block-dirty-bitmap-add {"node": "d0", "name": ")" +
                    longest_name + R"(", "persistent": true}
block-dirty-bitmap-remove {"node": "d2", "name": "stored"}
block-dirty-bitmap-clear {"node": "d2", "name": "stored"}
block-dirty-bitmap-disable {"node": "d2", "name": "stored"}
block-dirty-bitmap-enable {"node": "d2", "name": "off"}
block-dirty-bitmap-merge {"node": "d2", "target": "stored", "bitmaps": ["off"]}
block-dirty-bitmap-merge {"node": "d2", "target": "new", "bitmaps": ["off", "stored"]}
block-dirty-bitmap-merge {"node": "d2", "target": "new", "bitmaps": ["off", "nope"]}
block-dirty-bitmap-merge {"node": "d2", "target": "new", "bitmaps": [{"node": "n0", "name": "a"}]}
block-dirty-bitmap-merge {"node": "d2", "target": "nope", "bitmaps": ["off"]}
block-dirty-bitmap-merge {"node": "nope", "target": "nope", "bitmaps": ["off"]}
block-dirty-bitmap-merge {"node": "d2", "target": "new", "bitmaps": [{"node": "x", "name": "a"}]}
block-dirty-bitmap-merge {"node": "d2", "target": "new", "bitmaps": ["new"]}
block-dirty-bitmap-merge {"node": "d2", "target": "stored", "bitmaps": ["nope"]}
! qemu-io d0 "write -q 100 1"
! qemu-io d1 "write -q 100 1"
! qemu-io d3 "write -q 100 900"
! qemu-io d3 "write -q 100 1000"
x-debug-block-dirty-bitmap-sha256 {"node": "d0", "name": "a"}
x-debug-block-dirty-bitmap-sha256 {"node": "d1", "name": "a"}
x-debug-block-dirty-bitmap-sha256 {"node": "d3", "name": "a"}
x-debug-block-dirty-bitmap-sha256 {"node": "d3", "name": "b"}
block-dirty-bitmap-remove {"node": "d0", "name": "a"}
block-dirty-bitmap-remove {"node": "d0", "name": "a"}
query-block
query-named-block-nodes
)");
}

TEST_CASE("QEMU says the same about snapshots (S65, S67)") {
  compare_on_drives(R"(
! drive_add 0 if=none,id=d0,file=DIR/base.qcow2,format=qcow2,node-name=n0
block-dirty-bitmap-add {"node": "d0", "name": "t"}
block-dirty-bitmap-add {"node": "d0", "name": "p", "persistent": true}
! qemu-io d0 "write -q 0 64k"
blockdev-snapshot-sync {"snapshot-file": "DIR/top"}
blockdev-snapshot-sync {"device": "x", "snapshot-file": "DIR/top"}
blockdev-snapshot-sync {"device": "x", "node-name": "y", "snapshot-file": "DIR/top"}
blockdev-snapshot-sync {"node-name": "n0", "snapshot-file": "DIR/top"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top", "snapshot-node-name": "n0"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top", "snapshot-node-name": "d0"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top", "snapshot-node-name": "9bad"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top", "format": "bogus"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top", "format": "raw"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/no/top"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top2", "mode": "existing"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/top", "snapshot-node-name": "t0"}
blockdev-snapshot-sync {"node-name": "n0", "snapshot-file": "DIR/top2", "snapshot-node-name": "t2"}
query-block
query-named-block-nodes
block-dirty-bitmap-clear {"node": "n0", "name": "p"}
block-dirty-bitmap-remove {"node": "n0", "name": "p"}
block-dirty-bitmap-disable {"node": "n0", "name": "p"}
block-dirty-bitmap-clear {"node": "n0", "name": "t"}
block-commit {"device": "nope"}
block-commit {"device": "n0"}
block-commit {"device": "d0", "top": "x"}
block-commit {"device": "d0", "base": "x"}
block-commit {"device": "d0", "base-node": "x"}
block-commit {"device": "d0", "top-node": "x"}
block-commit {"device": "d0", "base-node": "x", "base": "y"}
block-commit {"device": "d0", "top-node": "x", "top": "y"}
block-commit {"device": "d0", "top-node": "n0"}
block-commit {"device": "d0", "base-node": "t0", "top-node": "n0"}
block-commit {"device": "d0", "base": "DIR/top"}
block-commit {"device": "d0", "speed": -1}
block-commit {"device": "d0", "backing-file": "foo"}
block-commit {"device": "d0", "job-id": "1j"}
block-commit {"device": "d0", "job-id": ""}
query-named-block-nodes
query-block-jobs
query-jobs
! drive_del d0
query-named-block-nodes
)");
}

}  // namespace
}  // namespace tests
