"""What the maker's library (MSCL) reads on a TCP port, as JSON lines: ``python mscl_reader.py PORT PACKETS``

In a process of its own: the library keeps the interpreter to itself while it waits.
"""

from __future__ import annotations

import json
import sys
import time

import mscl

WITHIN_S = 20.0


def main(port: int, wanted: int) -> None:
    connection = mscl.Connection.TcpIp("127.0.0.1", port)
    node = mscl.InertialNode(connection)
    print(json.dumps({"ping": bool(node.ping())}), flush=True)
    until, seen = time.monotonic() + WITHIN_S, 0
    while seen < wanted and time.monotonic() < until:
        for packet in node.getDataPackets(200):
            points = {point.channelName(): point.as_double() for point in packet.data() if point.valid()}
            print(json.dumps({"set": packet.descriptorSet(), "points": points}), flush=True)
            seen += 1
    connection.disconnect()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
