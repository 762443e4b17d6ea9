// SPDX-License-Identifier: MIT
#include "tests/catch.h"
#include "tests/engine/qmp_twin.h"

namespace tests {
namespace {

TEST_CASE("QEMU says the same about resizing (S59-S63)") {
  compare_with_qemu(R"($ qemu-img create -q -f qcow2 base 4M
$ qemu-io -c "write -P 9 0 4M" base > /dev/null
$ qemu-img create -q -f qcow2 -b DIR/base -F qcow2 top 64k
$ qemu-img create -q -f qcow2 -b DIR/base -F qcow2 -o compat=0.10 v2 64k
$ qemu-img create -q -f qcow2 -o compat=0.10 snap 1M
$ qemu-img snapshot -c before snap
$ qemu-img create -q -f raw raw 1M
$ qemu-img create -q -f qcow2 alone 1M
$ for i in 1 2 3; do qemu-img bitmap --add alone s$i; done
! drive_add 0 if=none,id=d0,file=DIR/top,format=qcow2,node-name=n0
! drive_add 0 if=none,id=v2,file=DIR/v2,format=qcow2,node-name=nv2
! drive_add 0 if=none,id=s,file=DIR/snap,format=qcow2
! drive_add 0 if=none,id=r,file=DIR/raw,format=raw,node-name=nr
! drive_add 0 if=none,id=a,file=DIR/alone,format=qcow2,node-name=na,read-only=on
block_resize
block_resize {"size": 1}
block_resize {"device": "x", "size": 1}
block_resize {"device": "n0", "size": 1}
block_resize {"node-name": "d0", "size": -1}
block_resize {"device": "d0", "size": -1}
block_resize {"device": "a", "size": -1}
block_resize {"device": "a", "size": 1000}
block_resize {"device": "a", "size": 9223372036854775807}
block_resize {"device": "d0", "size": 1000}
block_resize {"device": "d0", "size": "x"}
block_resize {"device": "d0", "size": 9223372036854775807}
block_resize {"device": "d0", "size": 9223372035781033984}
block_resize {"device": "r", "size": 9223372035781033984}
block_resize {"device": "r", "size": 1000}
block_resize {"device": "s", "size": 2097152}
block_resize {"device": "s", "size": 1000}
block_resize {"device": "v2", "size": 100352}
block_resize {"device": "v2", "size": 1024}
block_resize {"device": "v2", "size": 65536}
block-dirty-bitmap-add {"node": "d0", "name": "a", "granularity": 512}
block-dirty-bitmap-add {"node": "d0", "name": "p", "persistent": true}
block_resize {"device": "d0", "size": 100352}
! qemu-io d0 "write -q 0 100k"
! qemu-io d0 "write -q 98k 512"
! drive_del s
query-block
block_resize {"node-name": "n0", "size": 8388608}
query-block
block_resize {"device": "d0", "size": 1024}
query-block
x-debug-block-dirty-bitmap-sha256 {"node": "d0", "name": "a"}
blockdev-snapshot-sync {"device": "d0", "snapshot-file": "DIR/over", "snapshot-node-name": "over"}
block_resize {"node-name": "n0", "size": 1024}
block_resize {"device": "", "node-name": "n0", "size": 1000}
block_resize {"device": "d0", "size": 2097152}
query-named-block-nodes
restart
$ qemu-img check top; qemu-img map --output=json over | tr -d ' ' | sed 's/"compressed":false,//'
)");
}

}  // namespace
}  // namespace tests
