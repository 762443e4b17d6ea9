// SPDX-License-Identifier: MIT
#include "sim/fuzz/refusals.h"

namespace sim::fuzz {

namespace {

constexpr std::string_view any = "…";

constexpr const char* told_by_scenarios = "scenarios tell it, random runs do not draw it";
constexpr const char* wants_a_size = "the scenario language does not go without a size";
constexpr const char* sends_requests = "scenarios send objects that hold a command";
constexpr const char* needs_a_failing_store =
    "needs a store that fails: a node that is RW has no RO bitmaps";

}  // namespace

namespace {

const std::vector<Refusal> table = {
    {"M58", "The active block job '…' cannot be completed"},
    {"S8",
     "Lost persistent bitmaps …: Bitmap '…' doesn't satisfy the constraints: Too much space will "
     "be "
     "occupied by the bitmap. Use larger granularity",
     "unplug", told_by_scenarios},
    {"M26", "Unknown driver '…'", "create", told_by_scenarios},
    {"M27", "Node name too long", "", told_by_scenarios},
    {"M29", "Unknown driver '…'", "blockdev-snapshot-sync", told_by_scenarios},
    {"M29", "The overlay does not support backing images", "blockdev-snapshot-sync",
     told_by_scenarios},
    {"M56",
     "Permission conflict on node '…': permissions 'consistent read' are both required by block "
     "device '…' (uses node '…' as 'root' child) and unshared by commit job '…' (uses node '…' as "
     "'intermediate node' child).",
     "block-commit", told_by_scenarios},
    {"M60", "Lost persistent bitmaps …: Failed to update bitmap extension: No space left on device",
     "unplug", told_by_scenarios},
    {"M60", "Invalid argument", "wait", told_by_scenarios},
    {"M61", "Could not open backing file: …", "drive", told_by_scenarios},
    {"M74", "Invalid JSON object given", "drive", told_by_scenarios},
    {"M74", "Must specify either driver or file", "drive", told_by_scenarios},
    {"M74", "Unknown driver 'x-odd'", "drive", told_by_scenarios},
    {"M74", "A block device must be specified for \"file\"", "drive", told_by_scenarios},
    {"M74", "Block protocol 'file' doesn't support the option 'x-odd'", "drive", told_by_scenarios},
    {"M74", "Block format 'qcow2' does not support the option 'x-odd'", "drive", told_by_scenarios},
    {"S59",
     "Permission conflict on node '…': permissions 'resize' are both required by an unnamed block "
     "device (uses node '…' as 'root' child) and unshared by node '…' (uses node '…' as 'file' "
     "child).",
     "block_resize", told_by_scenarios},
    {"M64", "Operation not permitted", "wait"},
    {"M62", "The 'file' block driver requires a file name", "blockdev-add", told_by_scenarios},
    {"M62", "A block device must be specified for \"file\"", "drive", told_by_scenarios},
    {"M67", "Can't resize a v2 image which has snapshots", "block_resize"},
    {"M68", "Unsupported qcow2 feature(s): Unknown incompatible feature: …"},
    {"M68", "Unsupported qcow2 feature(s): …, Unknown incompatible feature: …"},
    {"M68", "Could not update qcow2 header: …"},
    {"M71", "qcow2: Image is corrupt; cannot be opened read/write"},
    {"M73", "… failed: Input/output error", "io", told_by_scenarios},
    {"M73", "… failed: No medium found", "io", told_by_scenarios},
    {"M52", "… failed: No space left on device", "io"},
    {"M53", "Failed to flush the L2 table cache: …", "unplug", "any text may be told there"},
    {"M54", "Could not read qcow2 header: …"},
    {"M54", "Failed to read bitmap directory: …", "block_resize"},
    {"M54", "Can't update bitmap directory: …"},
    {"M54", "Lost persistent bitmaps …: Failed to write bitmap '…' to file: …"},
    {"M54", "Lost persistent bitmaps …: Failed to update bitmap extension: …"},
    {"M54", "Failed to update bitmap extension: …"},
    {"S2", "Granularity must be power of 2 and at least 512"},
    {"S2", "Parameter 'granularity' expects uint64"},
    {"S2", "…expects uint32_t"},
    {"S5", "Bitmap name cannot be empty"},
    {"S5", "Bitmap already exists: …"},
    {"S5", "Bitmap name too long: …"},
    {"S5",
     "Can't make bitmap '…' persistent in '…': Name length exceeds maximum (1023 characters)"},
    {"S6", "Cannot find device='…' nor node-name='…'", "block-dirty-bitmap-add"},
    {"S6", "Node '…' not found"},
    {"S7", "Can't store persistent bitmaps to …: Operation not supported"},
    {"S7", "Can't make bitmap '…' persistent in '…': Cannot store dirty bitmaps in qcow2 v2 files"},
    {"S8",
     "Can't make bitmap …: Too much space will be occupied by the bitmap. Use larger "
     "granularity"},
    {"S13", "Dirty bitmap '…' not found"},
    {"S14", "Bitmap '…' is readonly and cannot be modified"},
    {"S14", "Bitmap '…' is inconsistent and cannot be used"},
    {"S20",
     "Bitmaps are of different sizes (destination size is …, source size is …) and can't be "
     "merged"},
    {"S25", "…write failed: Operation not permitted", "", needs_a_failing_store},
    {"S47", "Lost persistent bitmaps during inactivation of node '…': No write access"},
    {"M70", "Unsupported qcow2 version …"},
    {"M70", "Unsupported cluster size: 2^…"},
    {"M70", "qcow2 header exceeds cluster size"},
    {"M70", "qcow2 header too short"},
    {"M70", "Invalid backing file offset"},
    {"M70", "qcow2: unknown compression type: 2"},
    {"M70", "qcow2: Compression type incompatible feature bit must not be set"},
    {"M70", "qcow2: Compression type incompatible feature bit must be set"},
    {"M70", "Unsupported qcow2 feature(s): Unknown incompatible feature: 20"},
    {"M70", "Reference count entry width too large; may not exceed 64 bits"},
    {"M70", "Unsupported encryption method 7"},
    {"M70", "Reference count table too large"},
    {"M70", "Reference count table offset invalid"},
    {"M70", "Snapshot table too large"},
    {"M70", "ERROR snapshot table too large"},
    {"M70", "Snapshot table offset invalid"},
    {"M70", "Active L1 table too large"},
    {"M70", "Active L1 table offset invalid"},
    {"M70", "L1 table is too small"},
    {"M70", "Image is too big"},
    {"M70", "Backing file name too long"},
    {"S53", "bitmaps_ext: Invalid extension length"},
    {"S53", "bitmaps_ext: Reserved field is not zero"},
    {"S53", "bitmaps_ext: Image has … bitmaps, exceeding the QEMU supported maximum of 65535"},
    {"S53", "found bitmaps extension with zero bitmaps", "", told_by_scenarios},
    {"S53", "bitmaps_ext: invalid bitmap directory offset"},
    {"S53", "More bitmaps found than specified in header extension", "", told_by_scenarios},
    {"S53", "Less bitmaps found than specified in header extension"},
    {"S53", "Broken bitmap directory"},
    {"S53", "Bitmap extra data is not supported"},
    {"S53", "Bitmap '…' doesn't satisfy the constraints"},
    {"S53", "Could not read bitmap_table table from image for bitmap '…': Invalid argument"},
    {"S59", "Cannot find device='…' nor node-name='…'", "block_resize"},
    {"S59", "Parameter 'size' expects a >0 size"},
    {"S59", "Device '…' is in use"},
    {"S59", "offset(…) exceeds maximum(9223372035781033984)"},
    {"S59", "Image is read-only"},
    {"S59", "The new size must be a multiple of 512"},
    {"S59", "Failed to get \"resize\" lock"},
    {"S59", "Failed to grow the L1 table: File too large"},
    {"M36", "Failed to zero out new clusters: Operation not supported"},
    {"M37", "Lost persistent bitmaps …: No memory"},
    {"M17", "Operation not supported"},
    {"M42", "Parameter '…driver' does not accept value '…'"},
    {"M42", "Parameter 'file.filename' is missing"},
    {"M42", "Invalid parameter type for 'file', expected: BlockdevRef"},
    {"M42", "'node-name' must be specified for the root node"},
    {"M42", "Cannot find device='…' nor node-name='…'", "blockdev-add"},
    {"M42", "Could not open backing file: …", "blockdev-add"},
    {"M42", "Block node is read-only", "blockdev-add"},
    {"M42",
     "Permission conflict on node '…': permissions 'write, resize' are both required by node '…' "
     "(uses node '…' as 'file' child) and unshared by node '…' (uses node '…' as 'file' child)."},
    {"M43", "Failed to find node with node-name='…'"},
    {"M43", "Node … is in use"},
    {"M43", "Node … is not owned by the monitor"},
    {"M43", "Block device … is in use"},
    {"S65", "Cannot find device='…' nor node-name='…'", "blockdev-snapshot-sync"},
    {"S65", "New overlay node-name missing"},
    {"S65", "New overlay node-name already in use"},
    {"S66", "Node '…' is busy: node is used as backing hd of '…'"},
    {"S66", "Cannot find device='…' nor node-name='…'", "blockdev-snapshot "},
    {"S66", "The overlay is already in use"},
    {"S66", "The overlay does not support backing images"},
    {"S66", "The overlay already has a backing image"},
    {"S66", "Making '…' a backing child of '…' would create a cycle", "",
     "the overlay's chain would be in use, which is told first"},
    {"M29", "Could not create '…': No such file or directory"},
    {"M29", "Unknown file format '…'", "blockdev-snapshot-sync"},
    {"M29", "Backing file not supported for file format 'raw'"},
    {"M29", "Error: Trying to create an image with the same filename as the backing file"},
    {"M29", "Failed to get \"write\" lock", "blockdev-snapshot-sync"},
    {"M29", "Invalid node-name: '…'", "blockdev-snapshot-sync"},
    {"S70", "Device '…' not found", "block-commit"},
    {"S70", "Need a root block node"},
    {"S71", "'top-node' and 'top' are mutually exclusive"},
    {"S71", "Cannot find device='' nor node-name='…'", "block-commit"},
    {"S71", "'…' is not in this backing file chain"},
    {"S71", "Top image file … not found"},
    {"S71", "Can't find '…' in the backing chain"},
    {"S71", "cannot commit an image into itself"},
    {"S71", "'backing-file' specified, but 'top' is the active layer"},
    {"S72", "'…' is not in this backing file chain"},
    {"S72", "cannot commit an image into itself"},
    {"M15", "Failed to get \"write\" lock", "block-commit"},
    {"S73", "Parameter 'speed' expects a non-negative value"},
    {"S74", "Invalid job ID '…'"},
    {"S74", "Job ID '…' already in use"},
    {"S80", "Node '…' is busy: block device is in use by block job: commit"},
    {"S81", "Block job '…' not found"},
    {"S81", "Job not found"},
    {"S82", "Job '…' in state '…' cannot accept command verb '…'"},
    {"S84", "Job is already paused"},
    {"S84", "Can't resume a job that was not paused"},
    {"S84", "The block job for device '…' is currently paused"},
    {"S88", "Operation canceled"},
    {"M20", "Parameter '…' is missing"},
    {"M20", "Parameter '…' is unexpected"},
    {"M22", "Invalid parameter type for '…', expected: …"},
    {"M22", "Invalid parameter type for 'null', expected: BlockDirtyBitmapOrStr"},
    {"M22", "Parameter '…' does not accept value '…'"},
    {"M23", "QMP input must be a JSON object", "", sends_requests},
    {"M23", "QMP input lacks member 'execute'", "", sends_requests},
    {"M23", "QMP input member '…' is unexpected"},
    {"M23", "…'execute' must be a string"},
    {"M23", "…'arguments' must be an object"},
    {"M24", "The command … has not been found"},
    {"M24", "Capabilities negotiation is already complete, command ignored"},
    {"M24", "Parameter 'null' does not accept value '…'"},
    {"M25", "Unknown file format '…'", "create"},
    {"M25", "Image creation needs a size parameter", "", wants_a_size},
    {"M25", "Invalid image size specified. You may use k, M, G, T, P or E suffixes for"},
    {"M25", "Invalid image size specified. Must be between 0 and 9223372036854775807."},
    {"M25",
     "The image size is too large for file format 'qcow2' (try using a larger cluster size)"},
    {"M25", "Cluster size must be a power of two between 512 and 2048k"},
    {"M25", "Parameter 'version' does not accept value '…'"},
    {"M25", "Refcount width must be a power of two and may not exceed 64 bits"},
    {"M25",
     "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
     "version=v3 or greater)"},
    {"M25", "Invalid parameter 'cluster_size'"},
    {"M26", "Could not open '…': No such file or directory", "create"},
    {"M26", "Backing file specified without backing format"},
    {"M27", "Parameter 'id' expects an identifier"},
    {"M27", "Duplicate ID '…' for drive"},
    {"M27", "Device name '…' conflicts with an existing node name"},
    {"M27", "Invalid node-name: '…'", "drive"},
    {"M27", "node-name=… is conflicting with a device id"},
    {"M27", "Duplicate nodes with node-name='…'"},
    {"M27", "Parameter 'read-only' expects 'on' or 'off'"},
    {"M27", "Invalid discard option"},
    {"M27", "Unknown driver '…'"},
    {"M28", "Could not open '…': No such file or directory", "drive"},
    {"M28", "Could not open '…': File name too long", "drive", told_by_scenarios},
    {"M28", "Failed to get \"write\" lock", "drive"},
    {"M28", "Failed to get shared \"write\" lock"},
    {"M56", "Failed to get \"consistent read\" lock"},
    {"M56", "Failed to get shared \"consistent read\" lock", "block-commit"},
    {"M28", "Image is not in qcow2 format"},
    {"M28", "Could not open backing file: …", "drive"},
    {"M28", "Device '…' not found", "unplug"},
    {"M32", "command \"…\" not found"},
    {"M32", "bad argument count … to …, expected at least 2 arguments"},
    {"M32", "…expected 0 arguments"},
    {"M32", "… is not a valid pattern byte"},
    {"M32", "-n requires -z to be specified"},
    {"M32", "-u requires -z to be specified"},
    {"M32", "Only one of -z, -P, and -s can be specified at the same time"},
    {"M32", "-z supports only a single length parameter"},
    {"M32", "length cannot exceed 2147483136 without -n, given …"},
    {"M32", "Argument '…' exceeds maximum size 2147483136"},
    {"M32", "… failed: Input/output error"},
    {"M32", "Pattern verification failed at offset …, … bytes"},
    {"M32", "Error: Cannot find device='' nor node-name='…'"},
    {"M33", "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- …"},
    {"M33", "Parsing error: argument too large -- …"},
    {"M35", "Block node is read-only", "io"},
};

}  // namespace

const std::vector<Refusal>& refusals() { return table; }

std::string Refusal::name() const {
  std::string name = std::string(rule) + " " + text;
  if (*of != '\0')
    name += std::string(" (") + std::string(of).substr(0, std::string(of).find(' ')) + ")";
  return name;
}

bool fits(std::string_view pattern, std::string_view text) {
  const std::size_t gap = pattern.find(any);
  if (gap == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, gap))) return false;
  const std::string_view rest = pattern.substr(gap + any.size());
  if (rest.empty()) return true;
  for (std::size_t at = gap; at <= text.size(); ++at) {
    if (fits(rest, text.substr(at))) return true;
  }
  return false;
}

}  // namespace sim::fuzz
