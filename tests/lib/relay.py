"""A relay between a client and a server that is further away than loopback: every octet arrives
`delay` seconds after it was sent, each way, and any number of octets may be under way.
"""

import contextlib
import queue
import socket
import threading
import time

from tests.lib.process import free_port


class Relay:
    def __init__(self, target_port, delay=0.02):
        self.target_port = target_port
        self.delay = delay
        self.port = free_port()
        self.octets_up = 0
        self.octets_down = 0
        self.connections = 0
        self.said = bytearray()  # all that clients sent
        self.turns = 0  # how often a client spoke after the server had: about the round trips
        self.hold_after = None  # octets down, after which nothing comes before go_on is set
        self.go_on = threading.Event()
        self._last = None
        self._listener = None

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self.target_port))
                for s in (near, far):
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._carry(near, far, "octets_up")
                self._carry(far, near, "octets_down")

    def _note(self, counter, data):
        if counter == "octets_up":
            self.said += data
            self.turns += self._last != counter
        self._last = counter

    def _deliver(self, counter, data, sink):
        sink.sendall(data)

    def _holds(self):
        return self.hold_after is not None and self.octets_down > self.hold_after

    def _carry(self, source, sink, counter):
        under_way = queue.Queue()

        def read():
            data = b"x"
            while data:
                try:
                    data = source.recv(65536)
                except OSError:
                    data = b""
                setattr(self, counter, getattr(self, counter) + len(data))
                self._note(counter, data)
                if counter == "octets_down" and self._holds():
                    self.go_on.wait()
                under_way.put((time.monotonic() + self.delay, data))

        def write():
            while True:
                due, data = under_way.get()
                time.sleep(max(0.0, due - time.monotonic()))
                with contextlib.suppress(OSError):
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    self._deliver(counter, data, sink)

        threading.Thread(target=read, daemon=True).start()
        threading.Thread(target=write, daemon=True).start()
