"""A token endpoint that does what a test says, and the introspection by which Dovecot checks the
tokens that it gave (RFC 6749 section 6, RFC 7662)."""

import contextlib
import json
import os
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.lib import secrecy
from tests.lib.process import PATIENCE


class Tokens:
    """mode: "ok"; "gone" (invalid_grant); "stranger" (invalid_client); "down" (503); "broken" (500, a
    page for people); "garbage" (no JSON); "empty" (no token in it); "away" (nobody listens, and will
    never again); "hang" (no answer until it is changed)."""

    _TROUBLE = {"gone": (400, {"error": "invalid_grant"}),
                "stranger": (401, {"error": "invalid_client"}),
                "down": (503, {}),
                "broken": (500, b"<html>Oh no!</html>"),
                "garbage": (200, b'{"access_token": "x'),
                "empty": (200, {"token_type": "Bearer"})}

    def __init__(self, user, lifetime=3600):
        self.user = user
        self.lifetime = lifetime
        self.mode = "ok"
        self.renewals = 0
        self._count = 0
        self._ends = {}  # of access tokens
        self._refresh = None
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def route(self):
        """Keys of a route."""
        return {"oauth": {"client_id": "mailferry", "token_endpoint": self.url + "/token",
                          "device_endpoint": self.url + "/device"}}

    def dovecot(self, directory):
        """Lines of dovecot.conf: nothing but tokens lets anybody in."""
        path = os.path.join(directory, "oauth2.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"introspection_url = {self.url}/introspect?token=\n"
                    "introspection_mode = get\nusername_attribute = username\n"
                    "active_attribute = active\nactive_value = true\n")
        os.chmod(path, 0o644)
        return ("auth_mechanisms = xoauth2 oauthbearer\nauth_verbose = yes\n"
                "passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n"
                f"  args = {path}\n}}\n")

    def give(self, seconds=None):
        """A new pair; the refresh token before it is worth nothing any more."""
        self._count += 1
        access, self._refresh = f"acc3ss-t0ken-{self._count}", f"r3fresh-t0ken-{self._count}"
        secrecy.keep_all((access, self._refresh), "a token")
        self._ends[access] = time.time() + (self.lifetime if seconds is None else seconds)
        return {"access": access, "refresh": self._refresh, "expires": int(self._ends[access])}

    def expire(self):
        """No access token is worth anything any more."""
        self._ends.clear()

    def revoke(self):
        """Nothing that was given is worth anything."""
        self.expire()
        self.set("gone")

    def set(self, mode):
        if mode == "away":
            self._end()
        with self._changed:
            self.mode = mode
            self._changed.notify_all()

    def stop(self):
        if self.mode != "away":
            self.set("ok")
            self._end()

    def _end(self):
        self._server.shutdown()
        self._server.server_close()

    def _renew(self, form):
        with self._changed:
            self.renewals += 1
            self._changed.wait_for(lambda: self.mode != "hang", 3 * PATIENCE)
        if self.mode in self._TROUBLE:
            return self._TROUBLE[self.mode]
        if form.get("refresh_token") != [self._refresh]:
            return self._TROUBLE["gone"]
        given = self.give()
        return 200, {"access_token": given["access"], "refresh_token": given["refresh"],
                     "token_type": "Bearer", "expires_in": self.lifetime}

    def _introspect(self, query):
        token = query.get("token", [""])[0]
        if self._ends.get(token, 0) <= time.time():
            return 200, {"active": False}
        return 200, {"active": True, "username": self.user}

    def _handler(tokens):  # pylint: disable=no-self-argument
        class Handler(BaseHTTPRequestHandler):
            def answer(self, status, body):
                octets = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # a gateway that has ended meanwhile
                    self.wfile.write(octets)

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*tokens._renew(urllib.parse.parse_qs(text)))

            def do_GET(self):
                query = urllib.parse.urlsplit(self.path).query
                self.answer(*tokens._introspect(urllib.parse.parse_qs(query)))

            def log_message(self, *_):
                pass

        return Handler
