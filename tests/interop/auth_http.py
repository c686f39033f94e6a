"""A routing service that served nginx's mail proxy serves mailferry: nginx and mailferry are put
before the same service, and must ask it the same and come to the same end."""

import imaplib
import re
import ssl
import time
import unittest

from tests.lib import corpus, secrecy
from tests.lib.authservice import AuthService
from tests.lib.nginx import Nginx
from tests.lib.pop3 import Pop3, Refused, trusting
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

KEY = "k3y-of-the-service"


class Service(Scene):
    def service(self, answer):
        made = AuthService(answer).start()
        self.addCleanup(made.stop)
        return made

    def backend(self, users=None, **options):
        server = self.dovecot(users, pop3=True, **options)
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(1)])
        return server

    def key_file(self):
        path = self.path("key")
        with open(path, "w", encoding="ascii") as f:
            f.write(KEY + "\n")
        secrecy.keep(KEY)
        return path

    def proxy(self, service, upstream="imap://*", auth_http=None, **options):
        route = {"auth_http": {"url": service.url, **(auth_http or {})}, **options.pop("route", {})}
        return self.gateway(upstream, route=route, **options)

    def nginx(self, service, **options):
        made = Nginx(self.path("nginx"), service.url, **options)
        self.addCleanup(made.stop)
        return made.start()

    def imap(self, port, password=PASSWORD):
        client = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(f'"{USER}"', password)
        return client

    @staticmethod
    def to(server):
        """The service of an operator who has both protocols at one address."""
        ports = {"imap": server.port, "pop3": server.pop3_port}
        return lambda asked: {"Auth-Status": "OK", "Auth-Server": "127.0.0.1",
                              "Auth-Port": ports[asked["auth-protocol"]]}


class AsNginx(Service):
    """The same service, asked by both."""

    def asked_by_both(self, user, password, tls=None):
        """The headers that count, as nginx and as mailferry sent them."""
        service = self.service(lambda asked: {"Auth-Status": "no"})
        gateway = self.proxy(service, tls=tls, listener="pop3s" if tls else "pop3",
                             auth_http={"headers": [{"name": "X-Auth-Key",
                                                     "file": self.key_file()}],
                                        "protocol": "client"})
        nginx = self.nginx(service, headers={"X-Auth-Key": KEY}, tls=tls)
        context = None
        if tls:
            context = trusting(self.ca.cert)
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # nginx 1.22 has no more by default
        for port in (nginx.port, gateway.port):
            with Pop3(port, tls=context) as client, self.assertRaises(Refused):
                client.login(user, password)
        return [{k: v for k, v in asked.items() if k.startswith(("auth-", "client-", "x-auth-"))}
                for asked in service.asked]

    def expect_the_same(self, *given, **options):
        nginx, mailferry = self.asked_by_both(*given, **options)
        self.assertEqual(mailferry, nginx)
        return mailferry

    def test_headers(self):
        asked = self.expect_the_same(USER, PASSWORD)
        self.assertEqual(asked, {"auth-method": "plain", "auth-user": USER, "auth-pass": PASSWORD,
                                 "auth-protocol": "pop3", "auth-login-attempt": "1",
                                 "client-ip": "127.0.0.1", "x-auth-key": KEY})

    def test_what_is_escaped(self):
        asked = self.expect_the_same("a%n", "b c%25\td\x7f+\u00fc")
        self.assertEqual(asked["auth-user"], "a%25n")
        self.assertTrue(asked["auth-pass"].startswith("b%20c%2525%09d\x7f+"))

    def test_tls(self):
        self.ca = self.authority()
        asked = self.expect_the_same(USER, PASSWORD, tls=self.ca.issue("proxy"))
        self.assertEqual((asked["auth-ssl"], asked["auth-ssl-protocol"]), ("on", "TLSv1.2"))

    def test_the_same_end(self):
        server = self.backend()
        service = self.service(self.to(server))
        for port in (self.nginx(service).port, self.proxy(service).port):
            with Pop3(port) as client:
                client.login(USER, PASSWORD)
                self.assertEqual(client.stat()[0], 1)

    def test_the_same_refusal(self):
        service = self.service(lambda asked: {"Auth-Status": "Invalid login or password"})
        for port in (self.nginx(service).port, self.proxy(service).port):
            with Pop3(port) as client, self.assertRaisesRegex(Refused, "Invalid login or password"):
                client.login(USER, PASSWORD)


class Answers(Service):
    def test_the_upstreams_protocol_is_asked_for(self):
        server = self.backend()
        service = self.service(self.to(server))
        self.assertEqual(self.login(self.proxy(service)).stat()[0], 1)
        client = self.imap(self.proxy(service, "pop3://*", listener="imap").port)
        self.assertEqual(client.select()[1], [b"1"])
        self.assertEqual([asked["auth-protocol"] for asked in service.asked], ["imap", "pop3"])

    def test_another_name_and_password(self):
        server = self.backend()
        answer = self.to(server)
        service = self.service(lambda asked: {**answer(asked), "Auth-User": USER,
                                              "Auth-Pass": PASSWORD})
        self.assertEqual(self.login(self.proxy(service), "nobody", "other").stat()[0], 1)
        gateway = self.proxy(service, "pop3://*", listener="imap")
        for _ in range(2):
            self.assertEqual(self.imap(gateway.port, "other").select()[1], [b"1"])

    def test_another_name_only(self):
        server = self.backend()
        answer = self.to(server)
        service = self.service(lambda asked: {**answer(asked), "Auth-User": USER})
        self.assertEqual(self.login(self.proxy(service), "nobody").stat()[0], 1)

    def test_attempts_are_counted(self):
        service = self.service(lambda asked: {"Auth-Status": "no"})
        client = self.connect(self.proxy(service))
        for _ in range(2):
            with self.assertRaises(Refused):
                client.login(USER, "wrong")
        self.assertEqual([asked["auth-login-attempt"] for asked in service.asked], ["1", "2"])

    def test_wait_before_a_refusal(self):
        service = self.service(lambda asked: {"Auth-Status": "no", "Auth-Wait": "2"})
        client = self.connect(self.proxy(service))
        began = time.monotonic()
        with self.assertRaisesRegex(Refused, "AUTH.*no"):
            client.login(USER, "wrong")
        self.assertGreater(time.monotonic() - began, 1.9)

    def test_wait_and_ask_again(self):
        server = self.backend()
        answer = self.to(server)
        service = self.service(lambda asked: {"Auth-Status": "WAIT", "Auth-Wait": "1"}
                               if len(service.asked) == 1 else answer(asked))
        self.assertEqual(self.login(self.proxy(service)).stat()[0], 1)
        self.assertEqual([asked["auth-login-attempt"] for asked in service.asked], ["1", "1"])

    def test_answers_that_are_none(self):
        good = {"Auth-Status": "OK", "Auth-Server": "127.0.0.1", "Auth-Port": "143"}
        for wrong in ({"Auth-Status": ""}, {"Auth-Server": ""}, {"Auth-Server": "localhost"},
                      {"Auth-Port": ""}, {"Auth-Port": "0"}, {"Auth-Port": "65536"}):
            service = self.service(lambda asked, wrong=wrong: {**good, **wrong})
            gateway = self.proxy(service)
            with self.subTest(wrong), self.assertRaisesRegex(Refused, "SYS/TEMP.*routing service"):
                self.login(gateway)
            gateway.wait_said(re.compile(r"auth-http.*the service's answer has"))

    def test_no_service(self):
        service = self.service(lambda asked: {})
        gateway = self.proxy(service)
        service.stop()
        service.stop = lambda: None
        with self.assertRaisesRegex(Refused, "SYS/TEMP.*routing service"):
            self.login(gateway)

    def test_a_client_that_does_not_wait(self):
        service = self.service(lambda asked: {"Auth-Status": "no", "Auth-Wait": "30"})
        gateway = self.proxy(service)
        client = self.connect(gateway)
        client.command(f"USER {USER}")
        client.send(b"PASS wrong\r\n")
        wait_until(lambda: service.asked, "the service is asked")
        client.close()
        gateway.stop()

    def test_the_gateway_itself(self):
        service = self.service(lambda asked: {"Auth-Status": "OK", "Auth-Server": "127.0.0.1",
                                              "Auth-Port": gateway.port})
        gateway = self.proxy(service)
        with self.assertRaisesRegex(Refused, "this gateway itself"):
            self.login(gateway)

    def test_tls_as_the_route_says(self):
        ca = self.authority()
        server = self.backend(tls=ca.issue("mail", ("DNS:mail.test",)))
        answer = {"Auth-Status": "OK", "Auth-Server": "127.0.0.1", "Auth-Port": server.tls_port}
        service = self.service(lambda asked: answer)
        gateway = self.proxy(service, f"imaps://mail.test?ca={ca.cert}")
        self.assertEqual(self.login(gateway).stat()[0], 1)
        gateway = self.proxy(service, f"imaps://*?ca={ca.cert}")
        with self.assertRaisesRegex(Refused, "certificate of 127.0.0.1 is made out to another"):
            self.login(gateway)

    def test_secrets_stay_out_of_the_log(self):
        server = self.backend()
        answer = self.to(server)
        service = self.service(lambda asked: {**answer(asked), "Auth-Pass": PASSWORD})
        gateway = self.proxy(service, auth_http={"headers": [{"name": "X-Auth-Key",
                                                              "file": self.key_file()}]})
        self.login(gateway, password="anoth3r-s3cret").quit()
        gateway.stop()  # what must not be there is looked for at the end


if __name__ == "__main__":
    unittest.main()
