"""What DELE means upstream: each of the five meanings, and all the ways in which it must mean
nothing (CASES D1 to D6)."""

import unittest

from tests.lib import corpus
from tests.lib.pop3 import Refused
from tests.lib.process import wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox

MAILS = [corpus.plain_mail(n) for n in range(1, 7)]


class Meanings(Scene):
    """Against Dovecot."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        DovecotStore(self.server, USER).deliver_all(MAILS)

    def upstream(self, folder="INBOX"):
        """Flags by uid, as another client sees the folder."""
        with Mailbox(self.server.port, USER, PASSWORD, folder) as other:
            return other.flags() if other.uids() else {}

    def delete(self, gateway, *numbers):
        client = self.login(gateway)
        client.dele(*numbers)
        return client.quit()

    def test_expunge_is_the_default(self):
        self.delete(self.gateway(self.server), 2, 4)
        self.assertEqual(sorted(self.upstream()), [1, 3, 5, 6])
        self.assertEqual(self.upstream("Trash"), {})

    def test_all_at_once(self):
        gateway = self.gateway(self.server)
        self.delete(gateway, *range(1, 7))
        self.assertEqual(self.upstream(), {})
        self.assertEqual(self.login(gateway).stat(), (0, 0))

    def test_move_to_trash(self):
        gateway = self.gateway(self.server, pop3={"deletion": "move"})
        self.delete(gateway, 1, 6)
        self.assertEqual(sorted(self.upstream()), [2, 3, 4, 5])
        self.assertEqual(len(self.upstream("Trash")), 2)

    def test_move_to_a_folder_with_an_umlaut(self):
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            other.imap.create("Gel&APY-scht")
        gateway = self.gateway(self.server, pop3={"deletion": "move", "move_to": "Gelöscht"})
        self.delete(gateway, 3)
        self.assertEqual(sorted(self.upstream()), [1, 2, 4, 5, 6])
        self.assertEqual(len(self.upstream("Gel&APY-scht")), 1)

    def test_flag(self):
        gateway = self.gateway(self.server, pop3={"deletion": "flag"})
        self.delete(gateway, 5)
        flags = self.upstream()
        self.assertEqual(sorted(flags), [1, 2, 3, 4, 5, 6])
        self.assertEqual([uid for uid in flags if "\\deleted" in flags[uid]], [5])
        self.assertEqual(self.login(gateway).stat()[0], 5)

    def test_keep(self):
        for meaning in ({"deletion": "keep"}, {"deletion": "keep-days", "keep_days": 3}):
            with self.subTest(meaning):
                gateway = self.gateway(self.server, pop3=meaning)
                before = self.login(gateway).uidl()
                self.delete(gateway, 2, 3)
                flags = self.upstream()
                self.assertEqual(sorted(flags), [1, 2, 3, 4, 5, 6])
                self.assertFalse([uid for uid in flags if "\\deleted" in flags[uid]])
                left = [before[n] for n in (1, 4, 5, 6)]
                self.assertEqual(list(self.login(gateway).uidl().values()), left)
                gateway.restart()
                self.assertEqual(list(self.login(gateway).uidl().values()), left)
                gateway.kill()
                gateway.start()
                self.assertEqual(list(self.login(gateway).uidl().values()), left)
                gateway.stop()

    def test_rset(self):
        gateway = self.gateway(self.server)
        client = self.login(gateway)
        client.dele(1, 2, 3)
        self.assertEqual(client.stat()[0], 3)
        client.command("RSET")
        self.assertEqual(client.stat()[0], 6)
        client.dele(6)
        client.quit()
        self.assertEqual(sorted(self.upstream()), [1, 2, 3, 4, 5])

    def test_marked_messages_are_out_of_reach(self):
        client = self.login(self.gateway(self.server))
        client.dele(2)
        for command in ("RETR 2", "DELE 2", "LIST 2", "UIDL 2", "TOP 2 0"):
            with self.subTest(command), self.assertRaises(Refused):
                client.command(command)
        self.assertNotIn(2, client.list())
        self.assertNotIn(2, client.uidl())
        client.command("RSET")
        client.quit()

    def test_connection_dropped(self):
        gateway = self.gateway(self.server)
        for drop in ("close", "reset"):
            with self.subTest(drop):
                client = self.login(gateway)
                client.dele(1, 2, 3)
                getattr(client, drop)()
        gateway.stop()  # drained: whatever it meant to do is done
        self.assertEqual(sorted(self.upstream()), [1, 2, 3, 4, 5, 6])

    def test_gateway_killed(self):
        gateway = self.gateway(self.server)
        client = self.login(gateway)
        client.dele(1, 2, 3)
        gateway.kill()
        gateway.start()
        self.assertEqual(self.login(gateway).stat()[0], 6)
        self.assertEqual(sorted(self.upstream()), [1, 2, 3, 4, 5, 6])

    def test_expunged_elsewhere(self):
        gateway = self.gateway(self.server)
        client = self.login(gateway)
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            other.expunge(3)
        with self.assertRaises(Refused):
            client.command("RETR 3")
        self.assertIn(b"Subject: message 4\r\n", client.retr(4))
        client.dele(4)
        client.quit()
        self.assertEqual(sorted(self.upstream()), [1, 2, 5, 6])

    def test_expunged_elsewhere_after_dele(self):
        gateway = self.gateway(self.server)
        client = self.login(gateway)
        client.dele(2, 3)
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            other.expunge(3)
        client.quit()  # +OK: what was to be gone is gone
        self.assertEqual(sorted(self.upstream()), [1, 4, 5, 6])

    def test_seen(self):
        for seen in (True, False):
            with self.subTest(seen=seen):
                client = self.login(self.gateway(self.server, pop3={"seen": seen}))
                number = 2 if seen else 3
                client.retr(number)
                client.top(5, 10)
                client.quit()
                flags = self.upstream()
                self.assertEqual("\\seen" in flags[number], seen)
                self.assertNotIn("\\seen", flags[5])


class WithoutUidplus(Scene):
    """Against the scripted server."""

    def test_another_clients_deleted_is_kept(self):
        fake = self.fake(MAILS, capabilities="IMAP4rev1 AUTH=PLAIN")
        fake.folders["INBOX"][1].flags.add("\\Deleted")
        gateway = self.gateway(fake)
        client = self.login(gateway)
        number = next(n for n, size in client.list().items()
                      if b"Subject: message 4\r\n" in client.top(n, 0))
        client.dele(number)
        try:
            client.quit()
        except Refused:
            self.assertIn(4, fake.uids())  # it was told that it is still there
        self.assertIn(2, fake.uids())
        self.assertTrue(set(fake.uids()) >= {1, 2, 3, 5, 6})
        wait_until(lambda: fake.open_connections == 0, "the upstream connection to end")
        self.assertTrue(set(fake.uids()) >= {1, 2, 3, 5, 6})  # no CLOSE, which would expunge

    def test_alone_it_is_deleted(self):
        fake = self.fake(MAILS, capabilities="IMAP4rev1 AUTH=PLAIN")
        gateway = self.gateway(fake)
        client = self.login(gateway)
        client.dele(4)
        client.quit()
        self.assertEqual(self.login(gateway).stat()[0], 5)

    def test_move_without_move(self):
        fake = self.fake(MAILS, capabilities="IMAP4rev1 AUTH=PLAIN UIDPLUS SPECIAL-USE")
        client = self.login(self.gateway(fake, pop3={"deletion": "move"}))
        client.dele(2)
        client.quit()
        self.assertEqual(fake.uids(), [1, 3, 4, 5, 6])
        self.assertEqual(len(fake.uids("Trash")), 1)


class Failing(Scene):
    def test_upstream_refuses(self):
        fake = self.fake(MAILS)
        gateway = self.gateway(fake)
        client = self.login(gateway)
        client.dele(1, 2)
        fake.on("STORE", lambda connection, command: connection.ok(command, "NO not permitted"))
        fake.on("MOVE", lambda connection, command: connection.ok(command, "NO not permitted"))
        with self.assertRaises(Refused):
            client.quit()
        fake.off("STORE", "MOVE")
        self.assertEqual(fake.uids(), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.login(gateway).stat()[0], 6)

    def test_gone_before_quit(self):
        fake = self.fake(MAILS)
        gateway = self.gateway(fake)
        client = self.login(gateway)
        client.dele(1, 2)
        fake.stop()
        with self.assertRaises(Refused):
            client.command("QUIT")
        self.assertEqual(fake.uids(), [1, 2, 3, 4, 5, 6])

    def test_dies_between_flag_and_expunge(self):
        fake = self.fake(MAILS)
        gateway = self.gateway(fake)
        client = self.login(gateway)
        client.dele(1, 2)
        fake.on("EXPUNGE", lambda connection, command: connection.reset())
        with self.assertRaises(Refused):
            client.command("QUIT")
        fake.off("EXPUNGE")
        self.assertEqual(fake.uids(), [1, 2, 3, 4, 5, 6])


if __name__ == "__main__":
    unittest.main()
