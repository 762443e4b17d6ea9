// SPDX-License-Identifier: MIT
// A QEMU that says what cannot be is convicted in that step; the run goes on and keeps its results.
#include <chrono>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "sim/reply_shapes.h"
#include "tests/catch.h"
#include "tests/sim/fake_qemu.h"
#include "tests/text.h"

namespace {

using nlohmann::json;
using tests::FakeQemus;
using tests::has;
using tests::ShellResult;

/// What looks at everything, and what asks for nothing that the lies are about.
constexpr const char* nosy = R"(create TEST_DIR/PID-a 1M
drive drive0 TEST_DIR/PID-a
block-dirty-bitmap-add node=drive0 name=b
io drive0 write -P 1 64K 64K
show bitmaps drive0
show dirty drive0 b
show data drive0
)";
constexpr const char* modest = R"(create TEST_DIR/PID-a 1M
drive drive0 TEST_DIR/PID-a
block-dirty-bitmap-add node=drive0 name=b
)";

/// Replays both on a liar: it is convicted in the one, in words that hold `told`, and right in the
/// other.
void is_convicted(const FakeQemus& fakes, const std::string& liar, const std::string& told) {
  const std::string stories = fakes.directory() / "stories";
  std::filesystem::create_directory(stories);
  std::ofstream(stories + "/a-nosy.scenario") << nosy;
  std::ofstream(stories + "/b-modest.scenario") << modest;
  const ShellResult result = fakes.run(
      "replay --subject model,qemu --jobs 1 --timeout 20 --qemu '" + liar + "' '" + stories + "'");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(has(result.out, "a-nosy.scenario:"));
  CHECK(has(result.out, told));
  CHECK(has(result.out, "2 scenarios, 2 testcases: 1 scenario DIFFERS"));
  CHECK_FALSE(has(result.out, "json.exception"));
  CHECK(fakes.clean());
}

/// A lie about one command's reply.
void is_convicted(const std::string& command, const std::string& spoil, const std::string& told) {
  const FakeQemus fakes;
  is_convicted(fakes, fakes.spoiling("liar", command, spoil), told);
}

std::string fault(const std::string& command, const char* reply) {
  return sim::fault_of_reply(command, json::parse(reply)).value_or("none");
}

/// Hooks that serve NBD in the place of the real server; `answer` is Python on the socket `c`.
std::string serving(const std::string& answer) {
  return R"(
import struct
def option(c):
    head = c.recv(16, socket.MSG_WAITALL)
    number, length = struct.unpack(">II", head[8:])
    c.recv(length, socket.MSG_WAITALL)
    return number
def told(number, kind, data=b""):
    return struct.pack(">QIII", 0x3e889045565a9, number, kind, len(data)) + data
def greet(c):
    c.sendall(b"NBDMAGICIHAVEOPT\0\3")
    c.recv(4, socket.MSG_WAITALL)
def to_go(c):
    greet(c)
    while option(c) != 7: c.sendall(told(8, 1 << 31 | 1))
def let_in(c):
    to_go(c)
    c.sendall(told(7, 3, struct.pack(">HQH", 0, 1 << 20, 0)) + told(7, 1))
def read(c):
    _, _, _, cookie, _, length = struct.unpack(">IHHQQI", c.recv(28, socket.MSG_WAITALL))
    return cookie, length
def answer(c):
    try:
)" + answer +
         R"(
        time.sleep(1000)
    except OSError:
        pass
def serve(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(1)
    answer(s.accept()[0])
def request(line):
    r = json.loads(line)
    if r["execute"] != "nbd-server-start": return line
    address = r["arguments"]["addr"]["data"]
    threading.Thread(target=serve, args=(address["path"],), daemon=True).start()
    while not os.path.exists(address["path"]): time.sleep(0.01)
    time.sleep(0.05)
    address["path"] += "x"
    return json.dumps(r).encode() + b"\n"
)";
}

void server_is_convicted(const std::string& answer, const std::string& words) {
  const FakeQemus fakes;
  const auto start = std::chrono::steady_clock::now();
  is_convicted(fakes, fakes.between("server", serving(answer)), words);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
}

}  // namespace

TEST_CASE("a reply is held to the fields that we read") {
  CHECK(fault("query-jobs", R"({"return": [{"id": "a", "status": "ready", "x": 1}]})") == "none");
  CHECK(fault("query-jobs", R"({"return": [{"id": "a"}]})") ==
        R"(return[0]: expected the field "status", found {"id": "a"})");
  CHECK(fault("query-jobs", R"({"return": {}})") == "return: expected a list, found {}");
  CHECK(fault("query-block", R"({"return": [{"device": "d"}, 7]})") ==
        "return[1]: expected an object, found 7");
  CHECK(fault("human-monitor-command", R"({"return": null})") ==
        "return: expected a string, found null");
  CHECK(fault("anything", R"({"return": [7]})") == "none");
  CHECK(fault("anything", R"({"QMP": {}})") == R"(neither "return" nor "error")");
  CHECK(fault("anything", R"({"error": {"class": "GenericError"}})") ==
        R"(error: expected the field "desc", found {"class": "GenericError"})");
}

TEST_CASE("numbers in replies are within their bounds") {
  const auto node = [](const std::string& image, const std::string& bitmap) {
    const std::string reply = R"({"return": [{"node-name": "n", "image": {"virtual-size": )" +
                              image + R"(}, "dirty-bitmaps": [{"count": 0, "busy": false,
        "recording": true, "persistent": false, "granularity": )" +
                              bitmap + "}]}]}";
    return fault("query-named-block-nodes", reply.c_str());
  };
  CHECK(node("0", "512") == "none");
  CHECK(node("9223372036854775807", "2147483648") == "none");
  const std::string size = "return[0].image.virtual-size: expected a number of bytes, found ";
  for (const std::string wrong : {"-1", "1.5", "9223372036854775808", "\"1\"", "null"}) {
    CHECK(node(wrong, "512") == size + wrong);
  }
  const std::string granularity =
      "return[0].dirty-bitmaps[0].granularity: expected a power of two from 512 to 2147483648, "
      "found ";
  for (const std::string wrong : {"0", "3", "256", "1000", "4611686018427387904", "true"}) {
    CHECK(node("0", wrong) == granularity + wrong);
  }
  CHECK(node("0, \"cluster-size\": 0", "512") ==
        "return[0].image.cluster-size: expected the size of a cluster, found 0");
}

TEST_CASE("what cannot be is told by its field, and the run goes on") {
  is_convicted("query-block",
               "[m.update({'granularity': 0}) for b in r['return'] for m in "
               "b['inserted'].get('dirty-bitmaps', [])]",
               "query-block answered return[0].inserted.dirty-bitmaps[0].granularity: expected ");
  is_convicted("query-block", "[b['inserted'].pop('image') for b in r['return']]",
               "return[0].inserted: expected the field \"image\", found ");
  is_convicted("x-debug-block-dirty-bitmap-sha256", "r = {'return': []}",
               "answered return: expected an object, found []");
  is_convicted("query-block", "r = {'return': {'$any': True}}", "talks rubbish");
}

TEST_CASE("a disk of another size is a difference, however large") {
  for (const std::string size : {"512", "1 << 60"}) {
    is_convicted(
        "query-block",
        "[b['inserted']['image'].update({'virtual-size': " + size + "}) for b in r['return']]",
        "a-nosy.scenario:6: testcase \"a-nosy\": show dirty drive0 b");
  }
}

TEST_CASE("a QEMU that sends without end is stopped") {
  is_convicted("query-block",
               "[client.sendall(b'{\"event\": \"X\"}\\n' * 1000) for i in range(99)]",
               "sends events without end (the last one is \"X\")");
  is_convicted("query-block", "client.sendall(b'{\"return\": \"' + b'x' * (17 << 20) + b'\"}\\n')",
               "talks rubbish where QMP is expected: '{\"return\": \"xxx");
  is_convicted("query-block", "[client.sendall(b'x' * (1 << 20)) for i in range(99)]",
               "talks rubbish where QMP is expected: 'xxx");
  const FakeQemus fakes;
  const std::string prints = fakes.between("prints", R"(
def request(line):
    if b"write -P" in line: [os.write(1, b"x" * 1048576) for i in range(80)]
    return line
)");
  is_convicted(fakes, prints, "prints more than 64 MiB at a time");
}

TEST_CASE("an NBD server that breaks the protocol is told") {
  server_is_convicted("        c.sendall(bytes(range(200)))", "NBD server: greets otherwise");
  server_is_convicted("        c.close()", "NBD server: closed the connection");
  server_is_convicted(R"(
        let_in(c)
        cookie, length = read(c)
        c.sendall(struct.pack(">IIQ", 0x67446698, 0, cookie + 1) + bytes(length)))",
                      "NBD server: replies to something else");
  server_is_convicted(R"(
        let_in(c)
        cookie, length = read(c)
        c.sendall(struct.pack(">IIQ", 0x67446698, 0x7fffffff, cookie)))",
                      "NBD server: cannot read: Unknown error 2147483647");
  server_is_convicted(R"(
        let_in(c)
        cookie, length = read(c)
        c.sendall(struct.pack(">IIQ", 0x67446698, 0, cookie) + bytes(10))
        c.shutdown(socket.SHUT_RDWR))",
                      "NBD server: closed the connection");
}

// Hidden: it takes four whole limits, and its peers start slowly on a busy machine.
TEST_CASE("an NBD server that drips or floods has the whole limit once", "[.]") {
  const std::string late = "NBD server: did not come to its end within the limit";
  server_is_convicted("        pass", late);
  server_is_convicted(R"(
        to_go(c)
        while True: c.sendall(told(7, 3) * 1000))",
                      late);
  server_is_convicted(R"(
        to_go(c)
        c.sendall(told(7, 3)[:16] + b"\xff\xff\xff\xff")
        while True: c.sendall(bytes(65536)))",
                      late);
  server_is_convicted(R"(
        let_in(c)
        cookie, length = read(c)
        c.sendall(struct.pack(">IIQ", 0x67446698, 0, cookie))
        while True:
            c.sendall(b"\0")
            time.sleep(0.5))",
                      late);
}

TEST_CASE("where bits differ, QEMU's are shown beside the others") {
  const FakeQemus fakes;
  const std::string forgets = fakes.between("forgets", R"(
def request(line):
    r = json.loads(line)
    if r["execute"] == "block-dirty-bitmap-merge" and len(r["arguments"]["bitmaps"]) > 1:
        r["arguments"]["bitmaps"].pop()
    return json.dumps(r).encode() + b"\n"
)");
  const std::string story = fakes.directory() / "merge.scenario";
  std::ofstream(story) << R"(create TEST_DIR/PID-a 1M
drive drive0 TEST_DIR/PID-a
block-dirty-bitmap-add node=drive0 name=a
io drive0 write 0 64K
block-dirty-bitmap-add node=drive0 name=b
io drive0 write 256K 64K
block-dirty-bitmap-disable node=drive0 name=a
block-dirty-bitmap-add node=drive0 name=c disabled=true
block-dirty-bitmap-merge node=drive0 target=c bitmaps=["b","a"]
show dirty drive0 c
)";
  const ShellResult result =
      fakes.run("replay --subject model,qemu --qemu '" + forgets + "' '" + story + "'");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(has(result.out, "qemu: under-dirty (data loss) at offset 0, 65536 bytes"));
  CHECK(has(result.out, "model | drive0/c: dirty 0+65536 262144+65536\n"));
  CHECK(has(result.out, "qemu  | drive0/c: dirty 262144+65536\n"));
}
