"""The client's side of SCRAM (RFC 5802, RFC 7677), with what a test wants to get wrong."""

import base64
import hashlib
import hmac
import secrets


def encode(octets):
    return base64.b64encode(octets).decode()


class Scram:
    """flag: the gs2 header's: "n", "y", or "p=tls-unique" with `binding` (RFC 5802 section 7)."""

    def __init__(self, mechanism, user, password, flag="n", binding=b""):
        self._hash = "sha256" if "256" in mechanism else "sha1"
        self._password = password.encode()
        self._header = f"{flag},,"
        self._binding = binding
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={secrets.token_hex(12)}"
        self._server_signature = None
        self.salt = None
        self.iterations = None

    def first(self):
        return (self._header + self._bare).encode()

    def _hmac(self, key, text):
        return hmac.digest(key, text, self._hash)

    def final(self, server_first):
        """The answer, with the proof, to what the server said first."""
        told = dict(part.split("=", 1) for part in server_first.decode().split(","))
        self.salt, self.iterations = base64.b64decode(told["s"]), int(told["i"])
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, self.salt, self.iterations)
        channel = encode(self._header.encode() + self._binding)
        without = f"c={channel},r={told['r']}"
        message = f"{self._bare},{server_first.decode()},{without}".encode()
        key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash, key).digest(), message)
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{without},p={encode(proof)}".encode()

    def trusts(self, server_final):
        """Whether the server has proved that it knows the password too."""
        return server_final == f"v={encode(self._server_signature)}".encode()
