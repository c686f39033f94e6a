"""A name server of SRV records on loopback: what it is asked is remembered, and it can be silent."""

import socket
import struct
import threading

SRV = 33
NXDOMAIN = 3


def _name(text):
    labels = [label for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def _read_name(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii"))
        at += 1 + message[at]
    return ".".join(labels).lower(), at + 1


class FakeDns:
    """`records`: {"_imaps._tcp.example.com": [(priority, weight, port, target), ...]}."""

    def __init__(self, records, ttl=300):
        self.records = records
        self.ttl = ttl
        self.silent = False
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            message, peer = self._socket.recvfrom(4096)
            if not message:
                return
            name, end = _read_name(message, 12)
            self.asked.append(name)
            if not self.silent:
                self._socket.sendto(self._answer(message, name, end + 4), peer)

    def _answer(self, message, name, end):
        found = self.records.get(name, [])
        code = 0 if name in self.records else NXDOMAIN
        header = message[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(found), 0, 0)
        body = b""
        for priority, weight, port, target in found:
            data = struct.pack(">HHH", priority, weight, port) + _name(target)
            body += b"\xc0\x0c" + struct.pack(">HHIH", SRV, 1, self.ttl, len(data)) + data
        return header + message[12:end] + body
