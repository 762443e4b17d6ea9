#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: write-below-the-filter.sh [DIRECTORY]
#
# Shows N8 of ledger.json with nothing but QEMU: a write that was confirmed while a commit was ready is lost
# when the job completes. DIRECTORY holds qemu-system-x86_64, qemu-img and qemu-io (default: those on PATH).
# Exit status 0: the write is there; 1: it is lost.
set -eu
PATH=${1:+$1:}$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

qemu-img create -q -f qcow2 "$dir/base" 1M
qemu-img create -q -f qcow2 -b "$dir/base" -F qcow2 "$dir/top"
{
  echo '{"execute": "qmp_capabilities"}'
  echo '{"execute": "blockdev-add", "arguments": {"driver": "qcow2", "node-name": "top",
         "file": {"driver": "file", "filename": "'"$dir/top"'"}}}'
  echo '{"execute": "block-commit", "arguments": {"device": "top", "job-id": "commit"}}'
  sleep 2 # until BLOCK_JOB_READY
  # Who names the node writes below the filter that the job put above it.
  echo '{"execute": "human-monitor-command", "arguments":
         {"command-line": "qemu-io top \"write -P 1 0 64k\""}}'
  sleep 1
  echo '{"execute": "block-job-complete", "arguments": {"device": "commit"}}'
  sleep 2 # until BLOCK_JOB_COMPLETED
  echo '{"execute": "quit"}'
} | qemu-system-x86_64 -M none -accel tcg -S -nodefaults -display none -qmp stdio

if qemu-io -r -f qcow2 -c 'read -q -P 1 0 64k' "$dir/base"; then
  echo "the write is in the base"
else
  echo "the write is LOST: the base was to hold all that the layer above it held"
  exit 1
fi
