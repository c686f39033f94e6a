"""The program as a process: its command line, its signals, its end (CASES D17, P2, P4, T7)."""

import contextlib
import json
import os
import signal
import sys
import threading
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import HANDLED, Generated
from tests.lib.mailferry import Mailferry, binary, environment, run
from tests.lib.pop3 import Closed, Refused
from tests.lib.process import Process, free_port, listening, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

MAILS = [corpus.plain_mail(n) for n in range(1, 4)]


class CommandLine(Scene):
    def test_version_and_help(self):
        version = run("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"\Amailferry \d+\.\d+\.\d+")
        usage = run("--help")
        self.assertEqual(usage.returncode, 0)
        for word in ("serve", "check", "healthcheck", "--route", "--state-dir", "pop3://"):
            self.assertIn(word, usage.stdout)

    def test_misuse(self):
        for arguments in ([], ["frobnicate"], ["serve"], ["serve", "--no-such-option"],
                          ["serve", "--route", "nonsense"], ["serve", "-c", "/nonexistent"],
                          ["serve", "--route", "pop3://127.0.0.1:0=ftp://x"],
                          ["serve", "--workers", "many", "--route", "pop3://*:1=imap://x"]):
            with self.subTest(arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr.strip())

    def serve_by_arguments(self, upstream, *more):
        port = free_port()
        route = f"pop3://127.0.0.1:{port}=imap://127.0.0.1:{upstream.port}"
        gateway = Mailferry(self.path("mailferry"), port=port, arguments=["--route", route, *more])
        self.addCleanup(self._end, gateway)
        return gateway.start()

    def test_routes_without_a_file(self):
        fake = self.fake(MAILS)
        state = self.path("state")
        gateway = self.serve_by_arguments(fake, "--state-dir", state, "--workers", "1")
        client = self.login(gateway)
        self.assertEqual(client.retr(2), MAILS[1])
        client.quit()
        self.assertTrue(os.listdir(state))

    def test_check(self):
        gateway = self.gateway("imap://imap.example.com?tls=starttls", start=False)
        gateway.write_config()
        done = run("check", "-c", gateway.config_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("imap.example.com", done.stdout)


class Configuration(Scene):
    def faults(self, text):
        """The lines said about a configuration that must be refused, by `check` and by `serve`."""
        path = self.path("config.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        said = []
        for command in ("check", "serve"):
            done = run(command, "-c", path)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            said.append(done.stderr)
        self.assertEqual(said[0].count(path), said[1].count(path))
        self.assertIn(path, said[0])
        return said[0]

    def test_not_json(self):
        self.assertRegex(self.faults('{\n  "listeners": [\n  }'), r":3:")

    def test_all_faults_at_once(self):
        port = free_port()
        text = self.faults(json.dumps({
            "listeners": [{"url": f"pop3://127.0.0.1:{port}", "colour": "red"}],
            "workers": "two",
            "routes": [{"upstream": "imap://127.0.0.1:99999"},
                       {"upstream": "imap://127.0.0.1:143", "pop3": {"deletion": "burn"}}],
        }, indent=2))
        for place in ("/listeners/0/colour", "/workers", "/routes/0/upstream",
                      "/routes/1/pop3/deletion"):
            self.assertIn(place, text)
        self.assertFalse(listening(port))

    def test_missing_certificate(self):
        text = self.faults(json.dumps({
            "listeners": [{"url": f"pop3s://127.0.0.1:{free_port()}"}],
            "tls": {"certificate": "/nonexistent/cert.pem", "key": "/nonexistent/key.pem"},
            "routes": [{"upstream": "imap://127.0.0.1:143"}]}))
        self.assertIn("/nonexistent/cert.pem", text)

    def test_key_of_another_certificate(self):
        ca = self.authority()
        one, two = ca.issue("one"), ca.issue("two")
        gateway = self.gateway("imap://127.0.0.1:143", start=False, listener="pop3s", config={
            "tls": {"certificate": one.cert, "key": two.key}})
        gateway.write_config()
        done = run("serve", "-c", gateway.config_file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(two.key, done.stderr)


class State(Scene):
    def test_second_process_refuses(self):
        fake = self.fake(MAILS)
        first = self.gateway(fake)
        second = self.gateway(fake, start=False, config={"state": {"dir": first.state_dir}})
        second.write_config()
        done = run("serve", "-c", second.config_file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(first.process.pid), done.stderr)
        self.assertEqual(self.login(first).stat()[0], 3)

    def test_lock_ends_with_its_holder(self):
        gateway = self.gateway(self.fake(MAILS))
        gateway.kill()
        gateway.start()
        self.login(gateway).quit()

    def test_unusable_directory(self):
        in_the_way = self.path("file")
        with open(in_the_way, "w", encoding="ascii"):
            pass
        gateway = self.gateway(self.fake(MAILS), start=False, config={
            "state": {"dir": os.path.join(in_the_way, "state")}})
        gateway.write_config()
        done = run("serve", "-c", gateway.config_file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(in_the_way, done.stderr)

    def test_port_taken(self):
        fake = self.fake(MAILS)
        gateway = self.gateway(fake, start=False, port=fake.port)
        gateway.write_config()
        done = run("serve", "-c", gateway.config_file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(fake.port), done.stderr)


class Signals(Scene):
    def test_term_without_sessions(self):
        gateway = self.gateway(self.fake(MAILS))
        gateway.stop()  # asserts status 0
        self.assertFalse(listening(gateway.port))

    def test_interrupt(self):
        gateway = self.gateway(self.fake(MAILS))
        gateway.process.signal(signal.SIGINT)
        self.assertEqual(gateway.process.wait(), 0)

    def test_session_may_go_on_to_its_quit(self):
        """What it has read it can delete, so that it is not read again."""
        fake = self.fake(MAILS)
        gateway = self.gateway(fake, config={"limits": {"drain_seconds": 30}})
        before_login, client = self.connect(gateway), self.login(gateway)
        client.retr(1)
        client.dele(1)
        gateway.process.signal(signal.SIGTERM)
        with self.assertRaises((Refused, Closed)):
            before_login.reply()
        client.quit()
        self.assertEqual(fake.uids(), [2, 3])
        self.assertEqual(gateway.process.wait(), 0)

    def test_idle_session_ends_when_patience_is_over(self):
        fake = self.fake(MAILS)
        gateway = self.gateway(fake)
        client = self.login(gateway)
        client.dele(1)
        gateway.process.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(), 0)
        with self.assertRaises((Refused, Closed)):
            client.reply()
        self.assertEqual(fake.uids(), [1, 2, 3])

    def test_message_under_way_is_finished(self):
        size = 3_000_000
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        fake = self.fake([Generated(size, gate=lambda at: at > size // 2 and go_on.wait())])
        gateway = self.gateway(fake, config={"limits": {"drain_seconds": 30}})
        client = self.login(gateway)
        client.command("RETR 1")
        gateway.process.signal(signal.SIGTERM)
        wait_until(lambda: not listening(gateway.port), "the listener to close")
        go_on.set()
        self.assertEqual(len(client.body()), size)
        client.close()
        self.assertEqual(gateway.process.wait(), 0)

    def test_drain_ends(self):
        """A client that never goes does not keep the process for ever."""
        fake = self.fake(MAILS)
        gateway = self.gateway(fake, config={"limits": {"drain_seconds": 1}})
        client = self.login(gateway)
        client.stat()

        def stall(connection, command):
            connection.stall()
            return HANDLED
        fake.on("FETCH", stall)
        client.send(b"RETR 1\r\n")
        wait_until(lambda: len(fake.commands("FETCH")) > 1, "the message to be asked for")
        gateway.process.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(), 0)

    def test_told_twice(self):
        """Whoever presses Ctrl-C again does not want to wait for a session."""
        fake = self.fake(MAILS)
        gateway = self.gateway(fake, config={"limits": {"drain_seconds": 3600}})
        client = self.login(gateway)
        client.retr(1)
        client.dele(1)
        gateway.process.signal(signal.SIGINT)
        gateway.wait_said("accepting no more")
        gateway.process.signal(signal.SIGINT)
        self.assertEqual(gateway.process.wait(), 0)
        self.assertEqual(fake.uids(), [1, 2, 3])

    def begun_by(self, prefix, upstream):
        """mailferry, begun by another program, before `upstream`: the process, and what login()
        takes for the gateway."""
        port = free_port()
        process = Process([*prefix, binary(), "serve", "--route",
                           f"pop3://127.0.0.1:{port}={upstream}",
                           "--state-dir", self.path("state")], self.path("log"), env=environment())
        self.addCleanup(process.stop)
        process.wait_listening(port)
        return process, type("Served", (), {"port": port})

    def begun_by_shell(self, redirection, fake):
        return self.begun_by(["sh", "-c", f'exec "$@" {redirection}', "sh"],
                             f"imap://127.0.0.1:{fake.port}")

    def test_closed_stderr_and_broken_pipe(self):
        _, gateway = self.begun_by_shell("2>&-", self.fake(MAILS))
        for _ in range(5):
            client = self.login(gateway)
            client.send(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n" * 50)
            client.reset()
        self.assertEqual(self.login(gateway).retr(3), MAILS[2])

    def test_without_standard_descriptors(self):
        """What it opens first does not get their numbers."""
        process, gateway = self.begun_by_shell("0<&- 1>&- 2>&-", self.fake(MAILS))
        with contextlib.closing(self.login(gateway)) as client:
            self.assertEqual(client.retr(3), MAILS[2])
        self.assertEqual(0, process.stop())

    def test_nobody_reads_what_is_said_of_the_configuration(self):
        process, gateway = self.begun_by(
            [sys.executable, "-c", "import os, signal, sys; nobody, pipe = os.pipe(); "
             "os.close(nobody); os.dup2(pipe, 2); signal.signal(signal.SIGPIPE, signal.SIG_DFL); "
             "os.execv(sys.argv[1], sys.argv[1:])"],
            f"imap://127.0.0.1:{self.fake(MAILS).port}?verify=off")
        with contextlib.closing(self.login(gateway)) as client:
            self.assertEqual(client.retr(3), MAILS[2])
        self.assertEqual(0, process.stop())


class Health(Scene):
    def test_healthcheck(self):
        gateway = self.gateway(self.fake(MAILS))
        done = run("healthcheck", "-c", gateway.config_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        gateway.stop()
        done = run("healthcheck", "-c", gateway.config_file)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(done.stderr.strip())


class Sessions(Scene):
    def test_many_at_once(self):
        server = self.dovecot()
        DovecotStore(server, USER).deliver_all(MAILS)
        gateway = self.gateway(server, config={"limits": {"connections_per_address": 100}})
        failures = []

        def session():
            try:
                client = self.login(gateway)
                for number, mail in enumerate(MAILS, 1):
                    if client.retr(number) != mail:
                        raise AssertionError(f"message {number} is another")
                client.quit()
            except (AssertionError, OSError) as e:
                failures.append(e)
        threads = [threading.Thread(target=session) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_limit_per_address(self):
        gateway = self.gateway(self.fake(MAILS), config={"limits": {"connections_per_address": 3}})
        gateway.wait_said(" end ")  # of the connection that has tried whether it listens
        clients = [self.connect(gateway) for _ in range(3)]
        with self.assertRaises((Closed, Refused, AssertionError)):
            fourth = self.connect(gateway)
            self.assertTrue(fourth.greeting.startswith(b"+OK"))
        for client in clients:
            client.close()

        def admitted():
            client = self.connect(gateway)
            try:
                return client.greeting.startswith(b"+OK")
            finally:
                client.close()

        def again():
            try:
                return admitted()
            except (AssertionError, OSError):
                return False
        wait_until(again, "a place to be free again")

    def test_unauthenticated_client_is_sent_away(self):
        gateway = self.gateway(self.fake(MAILS), config={"limits": {"login_seconds": 5}})
        client = self.connect(gateway)
        with self.assertRaises((Closed, Refused)):
            client.reply()

    def test_too_many_errors(self):
        gateway = self.gateway(self.fake(MAILS), config={"limits": {"errors": 5}})
        client = self.connect(gateway)
        with self.assertRaises((Closed, BrokenPipeError)):
            for _ in range(20):
                try:
                    client.command("NONSENSE")
                except Refused:
                    continue

    def test_summary_in_the_log(self):
        gateway = self.gateway(self.fake(MAILS))
        client = self.login(gateway, USER, PASSWORD)
        client.retr(1)
        client.dele(2)
        client.quit()
        gateway.stop()
        lines = [line for line in gateway.output().splitlines() if "quit" in line]
        self.assertTrue(any("messages=1" in line and "deleted=1" in line for line in lines), lines)


if __name__ == "__main__":
    unittest.main()
