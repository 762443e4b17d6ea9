# SPDX-License-Identifier: MIT
"""A QMP client with nothing around it: does the requests of a plan, and prints how many seconds the
steps took. The plan is JSON: {"qemu": the command that starts it, "setup": [request...],
"steps": [request or {"wait": event}...]}."""

import json
import socket
import subprocess
import sys
import time

with open(sys.argv[1]) as file:
    plan = json.load(file)
ours, theirs = socket.socketpair()
channel = ["-chardev", "socket,id=qmp,fd=%d" % theirs.fileno(), "-mon", "chardev=qmp,mode=control"]
qemu = subprocess.Popen(plan["qemu"] + channel, pass_fds=[theirs.fileno()],
                        stdout=subprocess.DEVNULL)
theirs.close()
messages = ours.makefile("rb")
events = []


def execute(request):
    ours.sendall(json.dumps(request).encode() + b"\n")
    while True:
        message = json.loads(messages.readline())
        if "event" not in message:
            return message
        events.append(message["event"])


def wait(event):
    while event not in events:
        events.append(json.loads(messages.readline())["event"])
    events.remove(event)


messages.readline()
for request in [{"execute": "qmp_capabilities"}] + plan["setup"]:
    execute(request)
start = time.perf_counter()
for step in plan["steps"]:
    if "wait" in step:
        wait(step["wait"])
    else:
        execute(step)
print(time.perf_counter() - start)
execute({"execute": "quit"})
qemu.wait()
