// SPDX-License-Identifier: MIT
#include "tests/catch.h"
#include "tests/engine/qmp_twin.h"

namespace tests {
namespace {

void compare_on_nodes(const std::string& story) {
  compare_with_qemu(R"($ qemu-img create -q -f qcow2 a 1M
$ qemu-img create -q -f qcow2 -b DIR/a -F qcow2 b
$ qemu-img create -q -f raw r 1M
$ qemu-img create -q -f qcow2 c 1M
$ qemu-img bitmap --add c p
$ qemu-img create -q -f qcow2 -u -b DIR/nope -F qcow2 bad 1M
$ qemu-img create -q -f qcow2 -b a -F qcow2 relative 1M
$ qemu-img create -q -f qcow2 over 1M
)" + story);
}

TEST_CASE("QEMU says the same about blockdev-add's arguments") {
  compare_on_nodes(R"(
blockdev-add
blockdev-add {"driver":1}
blockdev-add {"driver":"bogus"}
blockdev-add {"driver":"qcow2"}
blockdev-add {"driver":"qcow2","bogus":1}
blockdev-add {"driver":"qcow2","file":1}
blockdev-add {"driver":"qcow2","file":{}}
blockdev-add {"driver":"qcow2","file":{"driver":"file"}}
blockdev-add {"driver":"qcow2","file":{"driver":"file","filename":1}}
blockdev-add {"driver":"qcow2","file":{"driver":"file","filename":"x","bogus":1}}
blockdev-add {"driver":"qcow2","file":{"driver":"bogus","filename":"x"}}
blockdev-add {"driver":"qcow2","file":null}
blockdev-add {"driver":"qcow2","file":"x"}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y"}
blockdev-add {"driver":"qcow2","file":"x","node-name":"9y"}
blockdev-add {"driver":"qcow2","file":"x","node-name":1}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","backing":1}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","backing":{}}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","read-only":1}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","discard":"x"}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","discard":1}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","detect-zeroes":"x"}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","cache":"x"}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","cache":{"direct":1}}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","cache":{"bogus":1}}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","auto-read-only":1}
blockdev-add {"driver":"qcow2","file":"x","node-name":"y","force-share":1}
blockdev-add {"driver":"raw","file":"x","node-name":"y","backing":null}
blockdev-add {"driver":"file","node-name":"y","file":"z"}
blockdev-add {"driver":"file","node-name":"y","filename":"DIR/nope"}
blockdev-add {"driver":"file","node-name":"y","filename":""}
blockdev-add {"driver":"file","filename":"DIR/a"}
blockdev-del
blockdev-del {"node-name":"x"}
blockdev-snapshot {"node":"x"}
)");
}

TEST_CASE("QEMU says the same about nodes that are made and deleted") {
  compare_on_nodes(R"(
blockdev-add {"driver":"qcow2","node-name":"y","file":{"driver":"file","filename":"DIR/r"}}
blockdev-add {"driver":"qcow2","node-name":"y","file":{"driver":"file","filename":"DIR/bad"}}
blockdev-add {"driver":"qcow2","node-name":"bad","file":{"driver":"file","filename":"DIR/bad"},"backing":null}
blockdev-add {"driver":"qcow2","node-name":"9","file":{"driver":"file","filename":"DIR/a"}}
blockdev-add {"driver":"qcow2","node-name":"9","file":{"driver":"file","filename":"DIR/nope"}}
blockdev-add {"driver":"qcow2","node-name":"a","file":{"driver":"file","filename":"DIR/nope","node-name":"9"}}
blockdev-add {"driver":"qcow2","node-name":"a","file":{"driver":"file","filename":"DIR/a","node-name":"a"}}
blockdev-add {"driver":"qcow2","node-name":"a","file":{"driver":"file","filename":"DIR/a","node-name":"fa"},"discard":"unmap","cache":{"no-flush":false}}
blockdev-add {"driver":"qcow2","node-name":"a","file":{"driver":"file","filename":"DIR/a"}}
blockdev-add {"driver":"qcow2","node-name":"a2","file":{"driver":"file","filename":"DIR/a"}}
blockdev-add {"driver":"qcow2","node-name":"a2","file":"fa"}
blockdev-add {"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"DIR/b"},"backing":"nope"}
blockdev-add {"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"DIR/b"},"backing":"a"}
block-dirty-bitmap-add {"node":"b","name":"t"}
! qemu-io b "write -q 0 64k"
! qemu-io a "write -q 64k 64k"
query-named-block-nodes
query-block
blockdev-del {"node-name":"a"}
blockdev-del {"node-name":"fa"}
blockdev-del {"node-name":"b"}
blockdev-add {"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"DIR/b"},"backing":{"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"DIR/c"}}}
blockdev-add {"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"DIR/b"},"backing":{"driver":"qcow2","node-name":"cc","file":{"driver":"file","filename":"DIR/c"}}}
query-named-block-nodes
blockdev-del {"node-name":"cc"}
blockdev-del {"node-name":"b"}
blockdev-add {"driver":"file","node-name":"fr","filename":"DIR/r"}
blockdev-add {"driver":"raw","node-name":"r","file":"fr"}
blockdev-add {"driver":"raw","node-name":"r4","file":"fr","read-only":true}
blockdev-del {"node-name":"fr"}
blockdev-del {"node-name":"r"}
blockdev-del {"node-name":"r4"}
blockdev-del {"node-name":"fr"}
blockdev-add {"driver":"file","node-name":"fc","filename":"DIR/c","read-only":true}
blockdev-add {"driver":"qcow2","node-name":"c","file":"fc"}
blockdev-add {"driver":"qcow2","node-name":"c","file":"fc","read-only":true}
blockdev-add {"driver":"qcow2","node-name":"c2","file":"fc","read-only":true}
query-named-block-nodes
blockdev-del {"node-name":"c"}
blockdev-del {"node-name":"c2"}
blockdev-del {"node-name":"fc"}
blockdev-add {"driver":"file","node-name":"fc","filename":"DIR/c"}
blockdev-add {"driver":"qcow2","node-name":"c","file":"fc"}
blockdev-add {"driver":"qcow2","node-name":"c2","file":"fc","read-only":true}
blockdev-del {"node-name":"c"}
blockdev-add {"driver":"qcow2","node-name":"relative","file":{"driver":"file","filename":"DIR/relative"},"backing":"a"}
query-named-block-nodes
block-commit {"device":"relative"}
block-commit {"device":"relative","job-id":"j","filter-node-name":"flt","auto-finalize":false}
wait BLOCK_JOB_READY
blockdev-del {"node-name":"a"}
blockdev-del {"node-name":"relative"}
blockdev-del {"node-name":"flt"}
block-job-complete {"device":"j"}
wait BLOCK_JOB_PENDING
job-finalize {"id":"j"}
query-named-block-nodes
restart
$ qemu-img info c | grep -A2 flags
)");
}

TEST_CASE("QEMU says the same about raw files that several nodes share") {
  compare_on_nodes(R"(
! drive_add 0 if=none,id=d0,file=DIR/r,format=raw,node-name=r0
! drive_add 0 if=none,id=d1,file=DIR/r,format=raw,node-name=r1,read-only=on
blockdev-add {"driver":"file","node-name":"f","filename":"DIR/r","read-only":true}
blockdev-add {"driver":"raw","node-name":"r2","file":{"driver":"file","filename":"DIR/r"}}
! qemu-io d0 "write -q -P 5 0 64k"
! qemu-io d1 "read -q -P 5 0 64k"
query-named-block-nodes
)");
}

TEST_CASE("QEMU says the same about blockdev-snapshot (S66, S69)") {
  compare_on_nodes(R"(
! drive_add 0 if=none,id=d0,file=DIR/c,format=qcow2,node-name=nc
! drive_add 0 if=none,id=d1,file=DIR/a,format=qcow2,node-name=na
blockdev-add {"driver":"qcow2","node-name":"over","file":{"driver":"file","filename":"DIR/over","node-name":"fo"}}
blockdev-add {"driver":"raw","node-name":"r","file":{"driver":"file","filename":"DIR/r"}}
blockdev-add {"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"DIR/relative"},"backing":null}
block-dirty-bitmap-add {"node":"over","name":"o","persistent":true}
! qemu-io d0 "write -q -P 3 0 64k"
blockdev-snapshot {"node":"x","overlay":"y"}
blockdev-snapshot {"node":"nc","overlay":"y"}
blockdev-snapshot {"node":"nc","overlay":"nc"}
blockdev-snapshot {"node":"nc","overlay":"d0"}
blockdev-snapshot {"node":"nc","overlay":"na"}
blockdev-snapshot {"node":"nc","overlay":"r"}
blockdev-snapshot {"node":"over","overlay":"over"}
blockdev-snapshot {"node":"d0","overlay":"over"}
query-block
query-named-block-nodes
! qemu-io d0 "read -q -P 3 0 64k"
! qemu-io d0 "write -q 128k 64k"
blockdev-snapshot {"node":"d0","overlay":"over"}
blockdev-snapshot {"node":"nc","overlay":"b"}
blockdev-snapshot {"node":"over","overlay":"b"}
blockdev-snapshot {"node":"b","overlay":"over"}
query-block
blockdev-del {"node-name":"over"}
blockdev-del {"node-name":"b"}
blockdev-del {"node-name":"nc"}
! drive_del d0
query-named-block-nodes
blockdev-del {"node-name":"nc"}
blockdev-del {"node-name":"b"}
query-named-block-nodes
blockdev-del {"node-name":"over"}
query-named-block-nodes
)");
}

}  // namespace
}  // namespace tests
