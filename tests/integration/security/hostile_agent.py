"""Runs in a box, in the agent's place: greets as it should, and answers with MODE's lie."""

import json
import os
import socket
import struct
import sys

MODE, PLACE = sys.argv[1], "/run/vibn/agent.sock"


def frame(header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(text), 0) + text


HELLO = frame(
    {
        "t": "hello",
        "protocol": 1,
        "version": "999.0.0",
        "build": "x",
        "python": "3",
        "pid": 1,
        "boot": "b",
        "mode": "resident",
    }
)
LIES = {
    "no frame": [struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF)],
    "deep": [frame(b'{"t":' + b"[" * 100_000 + b"]" * 100_000 + b"}")],
    "long number": [frame(b'{"t":"end","id":' + b"9" * 200_000 + b"}")],
    "flood": [frame({"t": "pong", "n": 1})] * 5000,
    "another's answer": [frame({"t": "end", "id": 1 << 40, "r": {}})],
    "a control plane's word": [
        frame({"t": "error", "id": 1, "code": "project_not_found", "message": ""})
    ],
    "wrong shape": [frame({"t": "end", "id": 1, "r": {"exit": "0"}})],
    "goodbye": [frame({"t": "bye", "reason": "\x1b[2J"})],
}
server = socket.socket(socket.AF_UNIX)
server.bind(PLACE + ".new")
server.listen()
os.rename(PLACE + ".new", PLACE)
print("ready", flush=True)
os.close(1)
while True:
    peer, _ = server.accept()
    try:
        peer.sendall(HELLO)
        peer.recv(65536)
        for lie in LIES[MODE]:
            peer.sendall(lie)
        peer.recv(65536)
    except OSError:
        pass
