"""Debian's nginx as a mail proxy, on a free loopback port, before a routing service."""

import os

from tests.lib.process import Process, free_port

_CONFIG = """
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
mail {{
    server_name proxy.test;
    auth_http {url};
    {headers}
    proxy_pass_error_message on;
    server {{
        listen 127.0.0.1:{port}{ssl};
        protocol {protocol};
        {protocol}_auth plain;
        {certificate}
    }}
}}
"""


class Nginx:
    def __init__(self, directory, url, protocol="pop3", headers=None, tls=None):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.process = None
        certificate = f"ssl_certificate {tls.cert}; ssl_certificate_key {tls.key};" if tls else ""
        self._config = _CONFIG.format(
            directory=directory, url=url.removeprefix("http://"), port=self.port,
            protocol=protocol, ssl=" ssl" if tls else "", certificate=certificate,
            headers="".join(f'auth_http_header {k} "{v}";' for k, v in (headers or {}).items()))

    def start(self):
        config = os.path.join(self.directory, "nginx.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(self._config)
        self.process = Process(["nginx", "-p", self.directory, "-c", config],
                               os.path.join(self.directory, "nginx.log"))
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
