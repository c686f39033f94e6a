"""A routing service as nginx's mail proxy asks it. `answer(headers)` gives the headers of the answer;
`asked` is what came: the headers of each request, by their names in small letters."""

import http.server
import threading

from tests.lib import secrecy
from tests.lib.process import free_port


class AuthService:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()),
                                                      self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/auth"

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                service.asked.append(headers)
                secrecy.keep(headers.get("auth-pass", ""))
                self.send_response_only(200)
                answer = service.answer(headers)
                secrecy.keep(answer.get("Auth-Pass", ""))
                for name, value in answer.items():
                    self.send_header(name, str(value))
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
