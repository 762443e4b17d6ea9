// SPDX-License-Identifier: MIT
#include <array>

#include "sim/script/modelled.h"

namespace sim::script {

namespace {

constexpr std::string_view bitmap = "node name";
constexpr std::string_view device = "device";
constexpr std::string_view id = "id";

constexpr std::array commands{
    Form{"block-commit",
         "[job-id] device [base-node] [base] [top-node] [top] [backing-file] [speed:integer] "
         "[on-error:on-error] [filter-node-name] [auto-finalize:boolean] [auto-dismiss:boolean]",
         "backing-mask-protocol"},
    Form{"block-dirty-bitmap-add",
         "node name [granularity:uint32] [persistent:boolean] [disabled:boolean]"},
    Form{"block-dirty-bitmap-clear", bitmap},
    Form{"block-dirty-bitmap-disable", bitmap},
    Form{"block-dirty-bitmap-enable", bitmap},
    Form{"block-dirty-bitmap-merge", "node target bitmaps:bitmaps"},
    Form{"block-dirty-bitmap-remove", bitmap},
    Form{"block-job-cancel", "device [force:boolean]"},
    Form{"block-job-complete", device},
    Form{"block-job-dismiss", id},
    Form{"block-job-finalize", id},
    Form{"block-job-pause", device},
    Form{"block-job-resume", device},
    Form{"block-job-set-speed", "device speed:integer"},
    Form{"block_resize", "[device] [node-name] size:integer"},
    Form{"blockdev-add", "driver …"},
    Form{"blockdev-del", "node-name"},
    Form{"blockdev-snapshot", "node overlay"},
    Form{"blockdev-snapshot-sync",
         "[device] [node-name] snapshot-file [snapshot-node-name] [format] [mode:mode]"},
    Form{"job-cancel", id},
    Form{"job-complete", id},
    Form{"job-dismiss", id},
    Form{"job-finalize", id},
    Form{"job-pause", id},
    Form{"job-resume", id},
    Form{"qmp_capabilities", "[enable:capabilities]"},
    Form{"query-block", "", "flat"},
    Form{"query-block-jobs", ""},
    Form{"query-commands", ""},
    Form{"query-jobs", ""},
    Form{"query-named-block-nodes", "[flat:boolean]"},
    Form{"query-version", ""},
    Form{"quit", ""},
    Form{"x-debug-block-dirty-bitmap-sha256", bitmap},
};

constexpr std::array drivers{
    Form{"", "driver [node-name] [discard:discard] [read-only:boolean]",
         "active auto-read-only cache detect-zeroes force-share"},
    Form{"file", "filename",
         "aio aio-max-batch drop-cache locking pr-manager x-check-cache-dropped"},
    Form{"qcow2", "file:node [backing:node]",
         "cache-clean-interval cache-size data-file discard-no-unref encrypt l2-cache-entry-size "
         "l2-cache-size lazy-refcounts overlap-check pass-discard-other pass-discard-request "
         "pass-discard-snapshot refcount-cache-size"},
    Form{"raw", "file:node", "offset size"},
};

constexpr std::array io{
    Form{"aio_flush", ""},
    Form{"aio_read", "P q"},
    Form{"aio_write", "P f q u z"},
    Form{"discard", "q"},
    Form{"flush", ""},
    Form{"read", "P q"},
    Form{"readv", "P q"},
    Form{"write", "P f n q u z"},
    Form{"writev", "P f q"},
};

constexpr std::array<std::string_view, 2> formats{"qcow2", "raw"};

constexpr std::array<std::string_view, 5> events{"BLOCK_JOB_CANCELLED", "BLOCK_JOB_COMPLETED",
                                                 "BLOCK_JOB_ERROR", "BLOCK_JOB_PENDING",
                                                 "BLOCK_JOB_READY"};

}  // namespace

std::span<const Form> modelled_commands() { return commands; }
std::span<const Form> modelled_drivers() { return drivers; }
std::span<const Form> modelled_io() { return io; }
std::span<const std::string_view> modelled_formats() { return formats; }
std::span<const std::string_view> modelled_events() { return events; }

/// Of query-commands of QEMU 7.2, 10.0 and 11.1, and what older ones had.
std::string_view unmodelled_commands() {
  return "add-fd add_client announce-self balloon block-export-add block-export-del "
         "block-job-change "
         "block-latency-histogram-set block-set-write-threshold block-stream block_passwd "
         "block_set_io_throttle blockdev-backup blockdev-change-medium blockdev-close-tray "
         "blockdev-create blockdev-insert-medium blockdev-mirror blockdev-open-tray "
         "blockdev-remove-medium blockdev-reopen blockdev-set-active "
         "blockdev-snapshot-delete-internal-sync blockdev-snapshot-internal-sync calc-dirty-rate "
         "cancel-vcpu-dirty-limit change change-backing-file change-vnc-password chardev-add "
         "chardev-change chardev-remove chardev-send-break client_migrate_info closefd cont "
         "cpu-add "
         "cxl-add-dynamic-capacity cxl-inject-correctable-error cxl-inject-dram-event "
         "cxl-inject-general-media-event cxl-inject-memory-module-event cxl-inject-poison "
         "cxl-inject-uncorrectable-errors cxl-release-dynamic-capacity device-list-properties "
         "device-sync-config device_add device_del display-reload display-update drive-backup "
         "drive-mirror dump-guest-memory dump-skeys dumpdtb eject expire_password getfd "
         "human-monitor-command inject-ghes-v2-error inject-nmi input-send-event memsave migrate "
         "migrate-continue migrate-incoming migrate-pause migrate-recover migrate-set-cache-size "
         "migrate-set-capabilities migrate-set-parameters migrate-start-postcopy migrate_cancel "
         "migrate_set_downtime migrate_set_speed nbd-server-add nbd-server-remove nbd-server-start "
         "nbd-server-stop netdev_add netdev_del object-add object-del pmemsave qom-get qom-list "
         "qom-list-get qom-list-properties qom-list-types qom-set query-accelerators "
         "query-acpi-ospm-status query-audiodevs query-balloon query-block-exports "
         "query-blockstats "
         "query-chardev query-chardev-backends query-colo-status query-command-line-options "
         "query-cpu-definitions query-cpu-model-baseline query-cpu-model-comparison "
         "query-cpu-model-expansion query-cpus query-cpus-fast query-cryptodev "
         "query-current-machine "
         "query-dirty-rate query-display-options query-dump query-dump-guest-memory-capability "
         "query-events query-fdsets query-firmware-log query-gic-capabilities "
         "query-hotpluggable-cpus "
         "query-hv-balloon-status-report query-iothreads query-kvm query-machines query-memdev "
         "query-memory-devices query-memory-size-summary query-mice query-migrate "
         "query-migrate-cache-size query-migrate-capabilities query-migrate-parameters "
         "query-migrationthreads query-name query-pci query-pr-managers query-qmp-schema "
         "query-replay "
         "query-rocker query-rocker-of-dpa-flows query-rocker-of-dpa-groups query-rocker-ports "
         "query-rx-filter query-s390x-cpu-polarization query-sev query-sev-attestation-report "
         "query-sev-capabilities query-sev-launch-measure query-sgx query-sgx-capabilities "
         "query-spice "
         "query-stats query-stats-schemas query-status query-target query-tpm query-tpm-models "
         "query-tpm-types query-uuid query-vcpu-dirty-limit query-vm-generation-id query-vnc "
         "query-vnc-servers query-xen-replication-status query-yank remove-fd replay-break "
         "replay-delete-break replay-seek request-ebpf ringbuf-read ringbuf-write "
         "rtc-reset-reinjection screendump send-key set-action set-cpu-topology set-numa-node "
         "set-vcpu-dirty-limit set_link set_password sev-inject-launch-secret snapshot-delete "
         "snapshot-load snapshot-save stop system_powerdown system_reset system_wakeup "
         "trace-event-get-state trace-event-set-state transaction watchdog-set-action "
         "x-accel-stats "
         "x-block-dirty-bitmap-disable x-block-dirty-bitmap-enable x-block-dirty-bitmap-merge "
         "x-block-latency-histogram-set x-blockdev-amend x-blockdev-change x-blockdev-create "
         "x-blockdev-del x-blockdev-reopen x-blockdev-set-iothread x-colo-lost-heartbeat "
         "x-debug-query-block-graph x-exit-preconfig x-input-send-event "
         "x-query-interrupt-controllers "
         "x-query-irq x-query-jit x-query-numa x-query-opcount x-query-profile x-query-ramblock "
         "x-query-rdma x-query-roms x-query-usb x-query-virtio x-query-virtio-queue-element "
         "x-query-virtio-queue-status x-query-virtio-status x-query-virtio-vhost-queue-status "
         "xen-colo-do-checkpoint xen-event-inject xen-event-list xen-load-devices-state "
         "xen-save-devices-state xen-set-global-dirty-log xen-set-replication yank";
}

std::string_view unmodelled_drivers() {
  return "blkdebug blklogwrites blkreplay blkverify bochs cloop compress copy-before-write "
         "copy-on-read dmg ftp ftps gluster host_cdrom host_device http https io_uring iscsi iser "
         "luks "
         "nbd nfs null-aio null-co nvme nvme-io_uring parallels preallocate qcow qed quorum rbd "
         "replication sheepdog snapshot-access ssh tftp throttle vdi vhdx virtio-blk-vfio-pci "
         "virtio-blk-vhost-user virtio-blk-vhost-vdpa vmdk vpc vvfat vxhs";
}

std::string_view unmodelled_events() {
  return "ACPI_DEVICE_OST BALLOON_CHANGE BLOCK_EXPORT_DELETED BLOCK_IMAGE_CORRUPTED BLOCK_IO_ERROR "
         "BLOCK_WRITE_THRESHOLD COLO_EXIT CPU_POLARIZATION_CHANGE DEVICE_DELETED DEVICE_TRAY_MOVED "
         "DEVICE_UNPLUG_GUEST_ERROR DUMP_COMPLETED FAILOVER_NEGOTIATED GUEST_CRASHLOADED "
         "GUEST_PANICKED GUEST_PVSHUTDOWN HV_BALLOON_STATUS_REPORT JOB_STATUS_CHANGE "
         "MEMORY_DEVICE_SIZE_CHANGE MEMORY_FAILURE MEM_UNPLUG_ERROR MIGRATION MIGRATION_PASS "
         "NETDEV_STREAM_CONNECTED NETDEV_STREAM_DISCONNECTED NETDEV_VHOST_USER_CONNECTED "
         "NETDEV_VHOST_USER_DISCONNECTED NIC_RX_FILTER_CHANGED POWERDOWN PR_MANAGER_STATUS_CHANGED "
         "QUORUM_FAILURE QUORUM_REPORT_BAD RDMA_GID_STATUS_CHANGED RESET RESUME RTC_CHANGE "
         "SCLP_CPI_INFO_AVAILABLE SHUTDOWN SPICE_CONNECTED SPICE_DISCONNECTED SPICE_INITIALIZED "
         "SPICE_MIGRATE_COMPLETED STOP SUSPEND SUSPEND_DISK UNPLUG_PRIMARY VFIO_MIGRATION "
         "VFU_CLIENT_HANGUP VNC_CONNECTED VNC_DISCONNECTED VNC_INITIALIZED VSERPORT_CHANGE WAKEUP "
         "WATCHDOG";
}

/// Long names and short ones.
std::string_view unmodelled_io() {
  return "? a abort aio_discard alloc break close d f help i info l length m map multiwrite o open "
         "q "
         "quit r remove_break reopen resume rv s sigraise sleep t truncate w wait_break wv zap zc "
         "zf "
         "zo zone_append zone_close zone_finish zone_open zone_report zone_reset zrp zrs";
}

}  // namespace sim::script
