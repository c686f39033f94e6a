"""A client that comes again soon goes on with the upstream session that it left, and sees, hears and
may do nothing else than with a new one."""

import os
import signal
import threading
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import CAPABILITIES, HANDLED
from tests.lib.pop3 import Refused
from tests.lib.process import wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox

MAILS = [corpus.plain_mail(n) for n in range(1, 4)]
OTHER = "bob@example.com"


class Warm(Scene):
    """One worker, so that the next login finds what the last one left."""

    def warm(self, upstream, **options):
        return self.gateway(upstream, workers=1, **options)

    def poll(self, gateway, user=USER, password=PASSWORD):
        """What a polling client does. Gives the UIDLs."""
        client = self.login(gateway, user, password)
        client.stat()
        ids = client.uidl()
        client.quit()
        return ids


class AtAFake(Warm):
    def setUp(self):
        super().setUp()
        self.server = self.fake(MAILS, users={USER: PASSWORD, OTHER: PASSWORD})

    def logins(self):
        return len(self.server.commands("AUTHENTICATE") + self.server.commands("LOGIN"))

    def test_one_login_for_many_sessions(self):
        gateway = self.warm(self.server)
        ids = self.poll(gateway)
        for _ in range(5):
            self.assertEqual(self.poll(gateway), ids)
        self.assertEqual((self.logins(), self.server.connections), (1, 1))
        gateway.wait_said(" upstream-warm ", times=5)

    def test_new_mail_and_expunged_mail(self):
        gateway = self.warm(self.server)
        first = self.poll(gateway)
        self.server.add(MAILS[0])
        second = self.poll(gateway)
        self.assertEqual(list(second.values())[:3], list(first.values()))
        self.assertEqual(len(second), 4)
        self.server.remove(2)
        third = self.poll(gateway)
        self.assertEqual(list(third.values()), [second[1], second[3], second[4]])
        self.assertEqual(self.server.connections, 1)

    def test_a_deletion(self):
        """It is made in a session that goes on with another one, and ends it."""
        gateway = self.warm(self.server)
        ids = self.poll(gateway)
        client = self.login(gateway)
        client.dele(2)
        client.quit()
        self.assertEqual(self.server.uids(), [1, 3])
        self.assertEqual(list(self.poll(gateway).values()), [ids[1], ids[3]])
        self.assertEqual(self.server.connections, 2)

    def test_another_password_is_asked_upstream(self):
        gateway = self.warm(self.server)
        self.poll(gateway)
        with self.assertRaises(Refused) as caught:
            self.login(gateway, password=PASSWORD + "x")
        self.assertIn("[AUTH]", str(caught.exception))
        self.poll(gateway)
        self.assertEqual(self.server.connections, 2)

    def test_another_user_has_his_own(self):
        gateway = self.warm(self.server)
        self.poll(gateway)
        self.poll(gateway, user=OTHER)
        self.assertEqual(self.logins(), 2)
        self.poll(gateway)
        self.poll(gateway, user=OTHER)
        self.assertEqual(self.logins(), 2)

    def test_two_at_once_have_one_each(self):
        gateway = self.warm(self.server)
        self.poll(gateway)
        first = self.login(gateway)
        second = self.login(gateway)
        self.assertEqual(self.server.connections, 2)
        self.assertEqual((first.retr(1), second.retr(2)), (MAILS[0], MAILS[1]))
        first.quit()
        second.quit()
        wait_until(lambda: self.server.open_connections == 1, "the earlier one was kept too")

    def test_an_upstream_that_has_closed_it(self):
        gateway = self.warm(self.server)
        ids = self.poll(gateway)
        self.server.drop_all()
        self.assertEqual(self.poll(gateway), ids)
        self.assertEqual(self.logins(), 2)

    def test_an_upstream_that_closes_it_when_it_is_asked(self):
        gateway = self.warm(self.server)
        ids = self.poll(gateway)

        def bye(connection, _command):
            self.server.off("NOOP")
            connection.untagged("BYE for a change")
            connection.close()
        self.server.on("NOOP", bye)
        self.assertEqual(self.poll(gateway), ids)
        self.assertEqual(self.logins(), 2)
        gateway.wait_said(" warm-lost ")

    def test_an_upstream_that_refuses_the_password_now(self):
        gateway = self.warm(self.server)
        self.poll(gateway)
        self.server.users[USER] = "changed"
        self.server.drop_all()
        with self.assertRaises(Refused) as caught:
            self.login(gateway)
        self.assertIn("[AUTH]", str(caught.exception))

    def test_the_answer_to_what_quit_left_behind(self):
        """\\Seen is set behind QUIT: until it is answered nobody goes on with the session."""
        gateway = self.warm(self.server)
        answer = threading.Event()
        self.addCleanup(answer.set)

        def late(connection, command):
            answer.wait()
            connection.ok(command)
            return HANDLED
        self.server.on("STORE", late)
        client = self.login(gateway)
        client.retr(1)
        client.quit()
        self.poll(gateway)
        self.assertEqual(self.server.connections, 2)
        answer.set()

    def test_time_is_over(self):
        gateway = self.warm(self.server, pop3={"warm_seconds": 1})
        self.poll(gateway)
        wait_until(lambda: self.server.commands("LOGOUT"), "it was not logged out")
        wait_until(lambda: self.server.open_connections == 0, "its connection stayed open")
        self.poll(gateway)
        self.assertEqual(self.logins(), 2)

    def test_off(self):
        for options in ({"pop3": {"warm_seconds": 0}}, {"config": {"limits": {"warm_sessions": 0}}}):
            with self.subTest(options):
                gateway = self.warm(self.server, **options)
                before = self.logins()
                self.poll(gateway)
                self.poll(gateway)
                self.assertEqual(self.logins() - before, 2)

    def test_the_end_of_the_process(self):
        gateway = self.warm(self.server)
        self.poll(gateway)
        gateway.stop()
        wait_until(lambda: self.server.open_connections == 0, "its connection stayed open")
        self.assertEqual(len(self.server.commands("LOGOUT")), 1)

    def test_a_new_configuration(self):
        gateway = self.warm(self.server)
        self.poll(gateway)
        gateway.config["routes"][0]["pop3"] = {"deletion": "flag"}
        gateway.write_config()
        os.kill(gateway.process.pid, signal.SIGHUP)
        gateway.wait_said(" reload ")
        self.poll(gateway)
        self.assertEqual(self.logins(), 2)


class AtAFakeWithOtherNews(Warm):
    def test_told_unasked(self):
        """News that the server tells while nobody has the session."""
        server = self.fake(MAILS)
        connections = []
        server.on("greeting", lambda connection, _: connections.append(connection))
        gateway = self.warm(server)
        self.poll(gateway)
        server.add(MAILS[1])
        connections[0].send(b"* 4 EXISTS\r\n")
        self.assertEqual(len(self.poll(gateway)), 4)
        self.assertEqual(server.connections, 1)

    def test_renumbered(self):
        server = self.fake(MAILS, capabilities=CAPABILITIES)
        gateway = self.warm(server)
        self.poll(gateway)
        server.uidvalidity += 1
        server.add(MAILS[1])
        self.assertEqual(len(self.poll(gateway)), 4)
        self.assertEqual(server.connections, 1)


class AtDovecot(Warm):
    def polls(self, server, gateway):
        store = DovecotStore(server, USER)
        store.deliver_all(MAILS)
        ids = [self.poll(gateway)]
        store.deliver(MAILS[0])
        ids.append(self.poll(gateway))
        with Mailbox(server.port, USER, PASSWORD) as other:
            other.expunge(other.uids()[1])
        ids.append(self.poll(gateway))
        self.assertEqual([len(each) for each in ids], [3, 4, 3])
        client = self.login(gateway)
        self.assertEqual(client.retr(1), MAILS[0])
        client.dele(1)
        client.quit()
        self.assertEqual(len(self.poll(gateway)), 2)
        gateway.wait_said(" upstream-warm ", times=3)

    def test_plain(self):
        server = self.dovecot()
        self.polls(server, self.warm(server))

    def test_tls(self):
        ca = self.authority()
        server = self.dovecot(tls=ca.issue("server"))
        self.polls(server, self.warm(f"imaps://localhost:{server.tls_port}?ca={ca.cert}"))

    def test_compressed_behind_starttls(self):
        ca = self.authority()
        server = self.dovecot(tls=ca.issue("server"), extra="protocol imap {\n mail_plugins = "
                              "$mail_plugins imap_zlib\n}")
        gateway = self.warm(f"imap://localhost:{server.port}?tls=starttls&ca={ca.cert}")
        self.polls(server, gateway)
        gateway.wait_said("COMPRESS")

    def test_many_at_once(self):
        """Each gets the mail of its own user, however sessions are left and taken."""
        users = [f"user{n}@example.com" for n in range(6)]
        server = self.dovecot({user: PASSWORD for user in users})
        mails = {user: corpus.plain_mail(n + 1) for n, user in enumerate(users)}
        for user, mail in mails.items():
            DovecotStore(server, user).deliver(mail)
        gateway = self.gateway(server, config={"limits": {"connections_per_address": 1000}})
        right = []

        def read(user):
            for _ in range(10):
                client = self.login(gateway, user)
                right.append(client.retr(1) == mails[user])
                client.quit()
        threads = [threading.Thread(target=read, args=(user,)) for user in users * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(right, [True] * 120)
        gateway.wait_said(" upstream-warm ")


if __name__ == "__main__":
    unittest.main()
