"""nginx's mail proxy as a way to the mail: POP3 on both sides, each login looked up over HTTP."""

import http.server
import os
import threading

from tests.lib.process import Process, free_port

MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so"

_CONFIG = """
daemon off;
load_module {module};
pid {directory}/pid;
error_log {directory}/error.log error;
worker_processes 2;
worker_rlimit_nofile 20000;
events {{ worker_connections 8000; }}
mail {{
  auth_http 127.0.0.1:{lookup}/;
  proxy_pass_error_message on;
  server {{ listen 127.0.0.1:{port}; protocol pop3; pop3_auth plain; }}
}}
"""


def _lookup(target):
    """Tells it for each login where the user's mail is."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            for name, value in (("Auth-Status", "OK"), ("Auth-Server", "127.0.0.1"),
                                ("Auth-Port", str(target))):
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 1024

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Nginx:
    """nginx in front of the POP3 server at `target`."""

    name, tls = "nginx", False

    def __init__(self, directory, target):
        os.makedirs(directory)
        self.port = free_port()
        self._lookup = _lookup(target)
        config = os.path.join(directory, "nginx.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(_CONFIG.format(module=MODULE, directory=directory, port=self.port,
                                   lookup=self._lookup.server_address[1]))
        self.process = Process(["nginx", "-c", config, "-p", directory, "-e", "stderr"],
                               os.path.join(directory, "log"))
        self.process.wait_listening(self.port)

    def forget(self, user):
        """It remembers nothing."""

    def stop(self):
        self.process.stop()
        self._lookup.shutdown()
        self._lookup.server_close()
