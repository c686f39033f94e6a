"""Somebody who sits between a client and a server of TLS with a certificate that the client trusts:
he reads what both say, and may change what the server says.
"""

import contextlib
import socket
import ssl
import threading

from tests.lib.process import free_port


class TlsRelay:
    """certificate:  that clients are shown, a certificates.Certificate
    change:       a function of what the server says, in pieces as they come
    """

    def __init__(self, target_port, certificate, change=lambda octets: octets):
        self.port = free_port()
        self.said = bytearray()  # all that clients sent
        self.heard = bytearray()  # all that they were sent
        self._target_port = target_port
        self._change = change
        self._server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server.load_cert_chain(certificate.cert, certificate.key)
        self._client = ssl.create_default_context()
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE
        self._listener = None

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],),
                                 daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, \
                socket.create_connection(("127.0.0.1", self._target_port)) as server, \
                self._server.wrap_socket(client, server_side=True) as near, \
                self._client.wrap_socket(server, server_hostname="localhost") as far:
            threading.Thread(target=self._carry, args=(near, far, self.said, bytes),
                             daemon=True).start()
            self._carry(far, near, self.heard, self._change)

    @staticmethod
    def _carry(source, sink, note, change):
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                octets = change(octets)
                note += octets
                sink.sendall(octets)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
