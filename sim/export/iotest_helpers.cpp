// SPDX-License-Identifier: MIT
#include "sim/export/iotest_helpers.h"

#include <string_view>
#include <vector>

namespace sim::exporting {

namespace {

/// A function of the exported program, and those that it calls.
struct Helper {
  std::string_view name;
  std::vector<std::string> calls;
  std::string_view text;
};

constexpr std::string_view hidden = R"(
def hidden(text):
    """Without what differs from run to run: files, generated names."""
    text = iotests.filter_testfiles(text).replace(f'{os.getpid()}-', 'PID-')
    return re.sub(r'#block[0-9]+', '#block', text)


def hide(message):
    return iotests.filter_qmp(message, lambda _key, value:
                              hidden(value) if isinstance(value, str)
                              else value)
)";

constexpr std::string_view qmp = R"(
def qmp(vm, command, **arguments):
    return vm.qmp_log(command, filters=[hide], **arguments)
)";

constexpr std::string_view query = R"(
def known_fields(node):
    """What a query tells of a node, without what differs between releases."""
    result = {key: node[key] for key in
              ('node-name', 'drv', 'ro', 'file', 'backing_file',
               'backing_file_depth') if key in node}
    result['image'] = {key: node['image'][key] for key in
                       ('filename', 'format', 'virtual-size', 'cluster-size')
                       if key in node['image']}
    bitmaps = [bitmap for bitmap in node.get('dirty-bitmaps', [])
               if bitmap.get('name')]
    if bitmaps:
        result['dirty-bitmaps'] = bitmaps
    return hide(result)


def query(vm, command, **arguments):
    request = collections.OrderedDict(execute=command)
    if arguments:
        request['arguments'] = arguments
    log(request)
    reply = vm.qmp(command, **arguments)
    if 'error' in reply:
        log(reply)
    elif command == 'query-block':
        devices = []
        for each in reply['return']:
            device = {'device': each['device']}
            if 'inserted' in each:
                device['inserted'] = known_fields(each['inserted'])
            devices.append(device)
        log({'return': devices})
    else:
        nodes = [known_fields(node) for node in reply['return']
                 if node['drv'] != 'file']
        nodes.sort(key=lambda node: json.dumps(node, sort_keys=True))
        log({'return': nodes})
)";

constexpr std::string_view wait = R"(
def wait(vm, name):
    log(vm.event_wait(name), filters=[iotests.filter_qmp_event, hide])
)";

constexpr std::string_view wait_in_vain = R"(
def wait_in_vain(vm, name):
    """Nothing is under way that could send this event."""
    try:
        event = vm.event_wait(name, timeout=1.0)
    except Exception:  # pylint: disable=broad-except
        event = None  # the type of a timeout differs between releases
    log(f'no {name}' if event is None else event)
)";

constexpr std::string_view create = R"(
def create(img, size, **options):
    """qemu-img create; tells why if it refuses."""
    args = ['-f', options.pop('format', 'qcow2')]
    for key, flag in (('backing_file', '-b'), ('backing_fmt', '-F')):
        if key in options:
            args += [flag, options.pop(key)]
    if options:
        args += ['-o', ','.join(f'{key}={options[key]}' for key in options)]
    result = iotests.qemu_img('create', '-q', *args, '--', img, size,
                              check=False)
    if result.returncode != 0:
        reason = result.stdout.splitlines()[0]
        for prefix in ('qemu-img: ', f'{img}: ', f"Could not open '{img}': "):
            if reason.startswith(prefix) and reason != prefix:
                reason = reason[len(prefix):]
        log('refused: ' + hidden(reason))
)";

constexpr std::string_view hmp = R"(
def hmp(vm, line):
    """A line of the human monitor; tells why if it is refused."""
    answer = vm.hmp(line)['return'].splitlines()
    if answer and answer[0] != 'OK':
        log('refused: ' + hidden(answer[0]))
)";

constexpr std::string_view io = R"(
def io(vm, node, command):
    """Guest I/O; what qemu-io prints of it comes with the machine's end."""
    for line in vm.hmp_qemu_io(node, command).get('return', '').splitlines():
        log(hidden(line))
)";

constexpr std::string_view settle = R"(
def settle(vm):
    """Waits for requests in flight, and for jobs that come to rest."""
    for node in vm.qmp('query-named-block-nodes')['return'][:1]:
        vm.hmp_qemu_io(node['node-name'], 'aio_flush')
    rest = ('ready', 'standby', 'paused', 'pending', 'concluded')
    for _ in range(500):
        if all(job['status'] in rest for job in vm.qmp('query-jobs')['return']):
            break
        time.sleep(0.01)
)";

constexpr std::string_view end = R"(
def end(vm, how):
    """Ends the machine; tells what qemu-io had to complain of."""
    how()
    for line in (vm.get_log() or '').splitlines():
        if re.match(r'(wrote|read|discard) .* bytes at offset |.* ops; |'
                    r'Formatting |qemu-system-|\[|$', line) is None:
            log(hidden(line))
)";

constexpr std::string_view find_node = R"(
def find_node(vm, name):
    """The node of a device or of that name; None if there is none."""
    for device in vm.qmp('query-block')['return']:
        node = device.get('inserted')
        if node and name in (device['device'], node['node-name']):
            return node
    for node in vm.qmp('query-named-block-nodes')['return']:
        if node['node-name'] == name:
            return node
    return None


def named_bitmaps(node):
    return [bitmap for bitmap in node.get('dirty-bitmaps', [])
            if bitmap.get('name')]
)";

constexpr std::string_view show_bitmap = R"(
def show_bitmap(vm, name, bitmap, label):
    node = find_node(vm, name)
    if node is None:
        log(f"{label}: Node '{name}' not found")
        return
    cluster = node['image'].get('cluster-size', 65536)
    for each in named_bitmaps(node):
        if each['name'] == bitmap:
            dirty = each['count'] // cluster
            log(f'{label}: name={bitmap} dirty-clusters={dirty}')
            return
    log(f'{label}: not found')
)";

constexpr std::string_view show_bitmaps = R"(
def show_bitmaps(vm, name, label):
    node = find_node(vm, name)
    if node is None:
        log(f"{label}: Node '{name}' not found")
        return
    for each in named_bitmaps(node):
        flags = [flag for flag in ('recording', 'persistent', 'busy',
                                   'inconsistent') if each.get(flag)]
        log(' '.join([f"{label}: {each['name']}", f"count={each['count']}",
                      f"granularity={each['granularity']}"] + flags))
    if not named_bitmaps(node):
        log(f'{label}: no bitmaps')
)";

constexpr std::string_view show_dirty = R"(
def show_dirty(vm, name, bitmap, label):
    reply = vm.qmp('x-debug-block-dirty-bitmap-sha256', node=name,
                   name=bitmap)
    if 'error' in reply:
        log(f"{label}: {hidden(reply['error']['desc'])}")
    else:
        log(f"{label}: sha256={reply['return']['sha256']}")
)";

constexpr std::string_view check_data = R"(
def check_data(vm, node, runs):
    """Reads runs of (offset, length, byte); tells of other bytes at the end."""
    for offset, length, byte in runs:
        io(vm, node, f'read -P {byte} {offset} {length}')
)";

constexpr std::string_view show_info = R"(
def show_info(img, label):
    info = json.loads(iotests.qemu_img('info', '-U', '--output=json',
                                       img).stdout)
    line = f"{label}: {info['format']} size={info['virtual-size']}"
    if 'cluster-size' in info:
        line += f" cluster={info['cluster-size']}"
    if 'backing-filename' in info:
        line += f" backing={hidden(info['backing-filename'])}"
    log(line)
    details = info.get('format-specific', {}).get('data', {})
    for bitmap in details.get('bitmaps', []):
        flags = ','.join(sorted(bitmap['flags']))
        log(f"{label}: bitmap {bitmap['name']} "
            f"granularity={bitmap['granularity']} flags={flags}")
)";

constexpr std::string_view show_check = R"(
def show_check(img, label, may_leak):
    result = json.loads(iotests.qemu_img('check', '-U', '--output=json', img,
                                         check=False).stdout)
    found = [f'{result[kind]} {kind}' for kind in ('corruptions', 'leaks')
             if result.get(kind) and not (may_leak and kind == 'leaks')]
    clean = 'no corruptions' if may_leak else 'no errors'
    log(f"{label}: {', '.join(found) or clean}")
)";

const std::vector<Helper>& all_helpers() {
  static const std::vector<Helper> helpers = {
      {"hidden", {}, hidden},
      {"qmp", {"hidden"}, qmp},
      {"query", {"hidden"}, query},
      {"wait", {"hidden"}, wait},
      {"wait_in_vain", {}, wait_in_vain},
      {"create", {"hidden"}, create},
      {"hmp", {"hidden"}, hmp},
      {"io", {"hidden"}, io},
      {"settle", {}, settle},
      {"end", {"hidden"}, end},
      {"find_node", {}, find_node},
      {"show_bitmap", {"find_node"}, show_bitmap},
      {"show_bitmaps", {"find_node"}, show_bitmaps},
      {"show_dirty", {"hidden"}, show_dirty},
      {"check_data", {"io"}, check_data},
      {"show_info", {"hidden"}, show_info},
      {"show_check", {}, show_check},
  };
  return helpers;
}

}  // namespace

std::string helper_functions(std::set<std::string> names) {
  // Who calls stands after whom it calls, so one walk from the end finds all.
  const auto& helpers = all_helpers();
  for (auto helper = helpers.rbegin(); helper != helpers.rend(); ++helper) {
    if (names.contains(std::string(helper->name))) {
      names.insert(helper->calls.begin(), helper->calls.end());
    }
  }
  std::string text;
  for (const Helper& helper : helpers) {
    if (names.contains(std::string(helper.name))) text += "\n" + std::string(helper.text);
  }
  return text;
}

}  // namespace sim::exporting
