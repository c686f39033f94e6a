"""`mailferry state` on what a real server has kept, for both kinds of accounts."""

import glob
import json
import os
import shutil
import signal
import stat
import subprocess

from tests.lib import corpus, mailferry
from tests.lib.imap_scene import ImapScene, crlf
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import USER, Scene
from tests.lib.stores import DovecotStore

DRAFT = crlf(corpus.plain_mail(77))


class State:
    """The commands, on one state directory."""

    def __init__(self, test, state_dir, *options):
        self.test = test
        self.dir = state_dir
        self.options = [*options, "--state-dir", state_dir]

    def run(self, *words):
        return mailferry.run("state", *words, *self.options)

    def done(self, *words):
        done = self.run(*words)
        self.test.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def refused(self, *words, says):
        done = self.run(*words)
        self.test.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.test.assertRegex(done.stdout + done.stderr, says)
        return done.stdout + done.stderr

    def facts(self, user=USER, *more):
        return json.loads(self.done("show", user, "--json", *more))

    def done_with_faults(self):
        return self.refused("verify", says="; ")

    def faults(self, user=USER):
        done = self.run("verify", user, "--json")
        told = json.loads(done.stdout)
        self.test.assertEqual(done.returncode, 0 if told["whole"] else 1)
        self.test.assertEqual(told["whole"], not told["faults"])
        return [fault["fault"] for fault in told["faults"]]

    def file(self, pattern):
        found = glob.glob(os.path.join(self.dir, "accounts", "*", pattern))
        self.test.assertEqual(len(found), 1, found)
        return found[0]

    def files(self, pattern):
        return glob.glob(os.path.join(self.dir, "accounts", "*", pattern))


# By which it changes what is on the disk.
CHANGES = "linkat,unlinkat,renameat,renameat2,mkdirat,write,pwrite64,fsync,fdatasync,ftruncate"


def killed_at(step, *words):
    """`mailferry state`, killed at its so many-th change of the disk; False when it has ended before."""
    done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={CHANGES}",
                           "-e", f"inject={CHANGES}:signal=SIGKILL:when={step}",
                           mailferry.binary(), "state", *words],
                          env={**mailferry.environment(), "ASAN_OPTIONS": "detect_leaks=0"},
                          capture_output=True, check=False, timeout=PATIENCE)
    if done.returncode not in (0, -signal.SIGKILL, 128 + signal.SIGKILL):
        raise AssertionError(done.stderr)
    return done.returncode != 0


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Mailbox(ImapScene):
    """IMAP clients on a POP3 maildrop."""

    def setUp(self):
        super().setUp()
        self.state = State(self, self.gate.state_dir)

    def live(self):
        """A client reads, flags, files, stores a draft: all of it is in the journal."""
        client = self.client(folder="INBOX", count=5)
        self.ok(client.store("2", "+FLAGS", r"(\Seen $Junk)"))
        self.ok(client.create("Work"))
        self.ok(client.copy("3", "Work"))
        self.ok(client.append("Drafts", r"(\Draft)", None, DRAFT))
        seen = self.seen(client)
        client.logout()
        return seen

    def seen(self, client):
        """What a client can see of the account."""
        seen = {}
        for folder in ("INBOX", "Work", "Drafts"):
            self.select(client, folder)
            seen[folder] = (client.response("UIDVALIDITY")[1], self.flags(client))
        seen["draft"] = self.body(client, 1)
        return seen

    def move_to_new_gateway(self, files):
        """Another gateway before the same maildrop, with a state directory of its own."""
        self.gate.stop()
        self.gate = self.imap_gateway_stopped()
        state = State(self, self.gate.state_dir, "-c", self.gate.config_file)
        self.gate.write_config()
        state.done("import", USER, *files)
        self.gate.start()
        return state

    def imap_gateway_stopped(self):
        return self.gateway(f"pop3://127.0.0.1:{self.server.pop3_port}", listener="imap",
                            route={"imap": self.route}, start=False)

    def test_beside_a_running_server(self):
        self.live()
        self.assertIn(f"imap:{USER}@127.0.0.1:{self.server.pop3_port}", self.state.done("list"))
        facts = self.state.facts()
        self.assertEqual(facts["kind"], "mailbox")
        self.assertEqual(facts["login"], USER)
        self.assertEqual(facts["listed"], 5)
        self.assertEqual((facts["upstream_messages"], facts["local_messages"]), (5, 1))
        self.assertEqual(facts["durable_bodies"], 1)
        folders = {folder["name"]: folder for folder in facts["folders"]}
        self.assertEqual(folders["INBOX"]["messages"], 5)
        self.assertEqual(folders["INBOX"]["unseen"], 4)
        self.assertEqual(folders["INBOX"]["uidnext"], 6)
        self.assertEqual(folders["Drafts"]["octets"], len(DRAFT))
        self.assertEqual(self.state.faults(), [])
        self.assertRegex(self.state.done("show", USER), r"(?m)^INBOX +5 +4 +0 ")
        self.assertRegex(self.state.done("show", USER, "Drafts"), r"(?m)^ +1 +\d+ .* local +m-1 ")
        self.assertEqual(len(self.state.facts(USER, "INBOX")["folders"][0]["list"]), 5)
        self.state.refused("show", USER, "Wrok", says="has no folder Wrok")
        for words in (("compact", USER), ("import", USER, self.export())):
            self.state.refused(*words, says=f"in use by process {self.gate.process.pid} on host")

    def export(self, *options):
        path = self.path("export.json")
        self.state.done("export", USER, "--output", path, *options)
        return path

    def test_which_account(self):
        self.live()
        self.state.refused("show", "bob", says="nothing is kept of bob")
        key = self.state.facts()["account"]
        self.state.refused("show", key[:-1] + "x", says="mailferry state list tells of whom")
        self.assertEqual(self.state.facts(key), self.state.facts(key.removeprefix("imap:")))
        other = self.state.file("journal-0.jsonl").rsplit("/", 1)[0]
        shutil.copytree(other, other + "1")
        told = self.state.refused("show", USER, says="2 accounts; say which:")
        self.assertIn(key + "\n", told)
        self.assertIn(key + "1\n", told)
        routed = State(self, self.gate.state_dir, "-c", self.gate.config_file)
        self.assertEqual(routed.facts(USER)["account"], key)

    def test_round_trip_into_an_empty_directory(self):
        seen = self.live()
        bodies = self.path("bodies")
        files = [self.export("--bodies", bodies), "--bodies", bodies]
        self.assertEqual((mode(files[0]), mode(bodies)), (0o600, 0o700))
        state = self.move_to_new_gateway(files)
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.seen(client), seen)
        client.logout()
        self.assertEqual(state.faults(), [])

    def test_import_needs_the_bodies(self):
        self.live()
        bodies = self.path("bodies")
        told = self.state.run("export", USER, "--output", self.path("x"))
        self.assertIn("1 messages are kept whole in this account", told.stderr)
        path = self.export("--bodies", bodies)
        self.gate.stop()
        elsewhere = State(self, self.path("empty"))
        elsewhere.refused("import", USER, path, says="is not in the account: give --bodies DIR")
        with open(os.path.join(bodies, "m-1"), "r+b") as file:
            file.write(b"X")
        elsewhere.refused("import", USER, path, "--bodies", bodies, says="other octets")
        self.assertEqual(elsewhere.files("*"), [])

    def test_import_replaces_only_when_told(self):
        seen = self.live()
        bodies = self.path("bodies")
        path = self.export("--bodies", bodies)
        client = self.client(folder="Drafts")
        self.ok(client.append("Drafts", "", None, crlf(corpus.plain_mail(78))))
        client.logout()
        self.gate.stop()
        self.state.refused("import", USER, path, "--bodies", bodies, says="--replace")
        told = self.state.done("import", USER, path, "--bodies", bodies, "--replace")
        self.assertIn("replaced-1", told)
        self.assertEqual(len(self.state.files("replaced-1/journal-*")), 1)
        self.assertEqual(len(self.state.files("replaced-1/bodies/m-*")), 2)
        self.assertEqual(self.state.faults(), [])
        self.gate.start()
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.seen(client), seen)
        # The UID that another message had meanwhile is not given again.
        self.ok(client.append("Drafts", "", None, DRAFT))
        self.select(client, "Drafts", 2)
        self.assertEqual(sorted(self.flags(client)), [1, 3])
        client.logout()
        # What only the replaced state named was swept, and is still aside.
        self.assertEqual(len(self.state.files("bodies/m-*")), 2)
        self.assertEqual(len(self.state.files("replaced-1/bodies/m-*")), 2)

    def test_import_killed_at_every_step(self):
        """The account is what it was, or what was imported, and another attempt succeeds."""
        self.live()
        bodies = self.path("bodies")
        words = ("import", USER, self.export("--bodies", bodies), "--bodies", bodies, "--replace")
        client = self.client(folder="Drafts")
        self.ok(client.append("Drafts", "", None, crlf(corpus.plain_mail(78))))
        client.logout()
        self.gate.stop()
        found, killed = [], True
        while killed:
            state = State(self, self.path(f"state-{len(found) + 1}"))
            shutil.copytree(self.state.dir, state.dir)
            killed = killed_at(len(found) + 1, *words, "--state-dir", state.dir)
            self.assertEqual([], state.faults())
            found.append(state.facts(USER, "--messages")["folders"])
            state.done(*words)
            self.assertEqual([], state.faults())
        before = self.state.facts(USER, "--messages")["folders"]
        self.assertNotEqual(before, found[-1])
        self.assertGreater(found.count(before), 1)
        self.assertEqual([before] * found.count(before) + [found[-1]] * found.count(found[-1]), found)

    def test_a_move_to_another_upstream(self):
        self.live()
        bodies = self.path("bodies")
        path = self.export("--bodies", bodies)
        self.gate.stop()
        old = self.state.facts(USER, "--messages")
        self.gate.config["routes"][0]["upstream"] = "pop3://127.0.0.1:1100"
        self.gate.write_config()
        routed = State(self, self.gate.state_dir, "-c", self.gate.config_file)
        routed.done("import", USER, path, "--bodies", bodies)
        new = routed.facts(USER, "--messages")
        self.assertEqual(new["account"], f"imap:{USER}@127.0.0.1:1100")
        self.assertEqual(new["folders"], old["folders"])
        self.assertEqual(self.state.facts(old["account"], "--messages"), old)
        self.assertIn("imported", routed.done("import", new["account"], path, "--bodies", bodies,
                                              "--replace"))
        self.assertEqual(routed.faults(old["account"]) + routed.faults(new["account"]), [])

    def test_compact(self):
        seen = self.live()
        self.gate.stop()
        self.assertIn("folded into snapshot-1.json", self.state.done("compact", USER))
        self.assertEqual(self.state.files("journal-*"), [])
        self.assertIn("nothing to fold", self.state.done("compact", USER))
        self.gate.start()
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.seen(client), seen)
        client.logout()

    def test_a_torn_last_line_is_fine(self):
        self.live()
        self.gate.stop()
        with open(self.state.file("journal-0.jsonl"), "a", encoding="ascii") as file:
            file.write('{"record":"fla')
        self.assertEqual(self.state.faults(), [])
        self.assertRegex(self.state.done("verify"), "note: .*torn line of 14 octets")

    def test_a_damaged_line_is_named(self):
        self.live()
        self.gate.stop()
        path = self.state.file("journal-0.jsonl")
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
        lines[2] = lines[2][:-5]
        with open(path, "wb") as file:
            file.write(b"\n".join(lines))
        self.assertRegex(self.state.faults()[0], "journal-0.jsonl: line 3")
        self.state.refused("show", USER, says="line 3")
        self.state.refused("compact", USER, says="line 3")
        self.state.refused("export", USER, says="line 3")
        self.assertEqual(self.state.files("damaged-*"), [])  # a look changes nothing

    def test_a_newer_version_is_named(self):
        self.live()
        self.gate.stop()
        path = self.state.file("journal-0.jsonl")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace('"version":1', '"version":2', 1)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertRegex(self.state.faults()[0], "newer mailferry")

    def test_bodies_that_are_not_what_they_were(self):
        self.live()
        self.gate.stop()
        body = self.state.file("bodies/m-1")
        with open(body, "r+b") as file:
            file.write(b"X")
        self.assertRegex(self.state.faults()[0], "message 1 of folder Drafts.*other octets")
        os.truncate(body, 10)
        self.assertRegex(self.state.faults()[0], "has 10 octets and not")
        self.assert_draft_refused("Drafts")
        os.unlink(body)
        self.assertRegex(self.state.faults()[0], "Drafts: bodies/m-1 is not there")
        self.assert_draft_refused("Drafts")
        # Its key is not given to another message, which would be shown in its place.
        self.gate.start()
        client = self.client(folder="Drafts")
        self.ok(client.append("Drafts", "", None, DRAFT))
        client.logout()
        self.gate.stop()
        self.assertTrue(self.state.file("bodies/m-*").endswith("m-2"))
        self.assert_draft_refused("Drafts")

    def assert_draft_refused(self, folder):
        """RFC 9051 section 6.4.5: NO, and the session goes on."""
        self.gate.start()
        client = self.client(folder=folder)
        for item in ("BODYSTRUCTURE", "BODY.PEEK[HEADER]", "BODY.PEEK[]"):
            status, text = client.fetch("1", f"({item})")
            self.assertEqual(status, "NO", text)
            self.assertIn(b"mailferry state verify", text[0])
        self.ok(client.noop())
        client.logout()
        self.gate.stop()

    def test_a_body_without_a_message_is_swept(self):
        self.live()
        self.gate.kill()
        orphan = os.path.join(os.path.dirname(self.state.file("bodies/m-1")), "m-9")
        shutil.copy(self.state.file("bodies/m-1"), orphan)
        self.assertEqual(self.state.faults(), [])
        self.assertIn("1 bodies belong to no message", self.state.done("verify"))
        self.gate.start()
        client = self.client(folder="Drafts")
        self.assertEqual(self.body(client, 1), DRAFT)
        client.logout()
        self.assertFalse(os.path.exists(orphan))
        self.gate.wait_said("deleted 1 messages that a crash had left")

    def test_bodies_of_a_lost_state_are_kept(self):
        seen = self.live()
        path = self.export()
        self.gate.kill()
        journal = self.state.file("journal-0.jsonl")
        with open(journal, "r+b") as file:
            file.write(b"damaged")
        self.gate.start()
        with self.assertRaises(Exception):
            self.client()
        client = self.client(folder="INBOX", count=5)
        client.logout()
        kept = self.state.file("damaged-1/bodies/m-1")
        self.gate.wait_said("damaged-1/bodies")
        self.gate.restart()
        client = self.client(folder="INBOX", count=5)
        client.logout()
        self.gate.stop()
        self.assertTrue(os.path.exists(kept))
        self.state.done("import", USER, path, "--bodies", os.path.dirname(kept), "--replace")
        self.gate.start()
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.seen(client), seen)
        client.logout()

    def test_documents_that_are_none(self):
        self.live()
        self.gate.stop()
        with open(self.export("--bodies", self.path("bodies")), encoding="utf-8") as file:
            good = json.load(file)
        for change, says in (
                ({"version": 9}, "/version: written by a newer mailferry"),
                ({"format": "other"}, "/format: not what mailferry state export writes"),
                ({"kind": "barn"}, "/kind: neither"),
                ({"state": {}}, "/state/kind"),
                ({"state": {**good["state"], "modseq": -1}}, "/state/modseq"),
        ):
            with self.subTest(says=says):
                path = self.path("bad.json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump({**good, **change}, file)
                self.state.refused("import", USER, path, "--replace", says=says)
        self.state.refused("import", USER, "/nowhere", says="cannot read /nowhere")
        self.assertEqual(self.state.files("replaced-*"), [])

    def test_a_read_only_directory(self):
        """As on a file system that is mounted read-only: to root, modes say nothing."""
        self.live()
        self.gate.stop()
        script = (f"mount --bind {self.gate.state_dir} {self.gate.state_dir} && "
                  f"mount -o remount,bind,ro {self.gate.state_dir} && "
                  f"{mailferry.binary()} state verify --state-dir {self.gate.state_dir} && "
                  f"! {mailferry.binary()} state compact {USER} --state-dir {self.gate.state_dir}")
        done = self.in_own_mounts(script)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("whole", done.stdout)
        self.assertIn("mount it writable", done.stderr)

    def test_a_full_disk(self):
        self.live()
        bodies = self.path("bodies")
        path = self.export("--bodies", bodies)
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        document["state"]["keywords"] = ["k" * 60 + str(n) for n in range(50)]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        place = self.path("small")
        os.mkdir(place)
        command = f"{mailferry.binary()} state import {USER} {path} --bodies {bodies} --state-dir {place}"
        script = (f"mount -t tmpfs -o size=8k none {place} && {command}; echo status $?; "
                  f"find {place} -name 'snapshot*' -o -name 'm-*'; "
                  f"mount -o remount,size=1m {place} && {command} && "
                  f"{mailferry.binary()} state verify --state-dir {place}")
        done = self.in_own_mounts(script)
        self.assertIn("No space left on device".lower(), done.stderr.lower())
        self.assertRegex(done.stdout, r"^status 1\nimap:.*: imported\n.*: whole\n$")

    def in_own_mounts(self, script):
        if os.geteuid() != 0:
            self.skipTest("mounts need root")
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True,
                              text=True, check=False, env=mailferry.environment())
        if "unshare" in done.stderr or "permission denied" in done.stderr:
            self.skipTest(done.stderr)
        return done


class Archive(ImapScene):
    """Messages that are upstream and kept here for good."""

    route = {**ImapScene.route, "archive": True}

    def test_a_kept_body_that_is_gone_is_fetched_again(self):
        state = State(self, self.gate.state_dir)
        client = self.client(folder="INBOX", count=5)
        wait_until(lambda: state.facts()["durable_bodies"] == 5, "five bodies")
        client.logout()
        self.assertEqual(state.faults(), [])
        self.gate.stop()
        os.unlink(state.file("bodies/m-1"))
        self.assertEqual(len(state.faults()), 1)
        self.assertIn("it is fetched again when it is read", state.done_with_faults())
        self.gate.start()
        client = self.client(folder="INBOX", count=5)
        bodies = [self.body(client, n) for n in range(1, 6)]
        self.assertEqual(bodies, self.mails)
        client.logout()
        wait_until(lambda: not state.faults(), "the body is kept anew")
        self.assertEqual(len(state.files("bodies/m-*")), 5)


class Retention(Scene):
    """CASES D19: an import deletes nothing early, however long the document lay about."""

    def test_days_go_on_where_they_stood(self):
        server = self.dovecot()
        store = DovecotStore(server, USER)
        store.deliver_all([corpus.plain_mail(n) for n in range(1, 4)])
        gate = self.gateway(server, pop3={"deletion": "keep-days", "keep_days": 2})
        client = self.login(gate)
        client.dele(2)
        client.quit()
        state = State(self, gate.state_dir)
        document = json.loads(state.done("export", USER))
        document["state"]["last_login"] -= 20 * 365 * 86400
        path = self.path("old.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        gate.stop()
        state.done("import", USER, path, "--replace")
        gate.start()
        client = self.login(gate)
        self.assertEqual(client.stat()[0], 2)
        client.quit()
        self.assertEqual(state.facts()["age_seconds"], 86400)
        self.assertEqual(state.facts()["folders"][0]["hidden"], 1)
        self.assertEqual(len(store.files()), 3)


class Maildrop(Scene):
    """POP3 clients on an IMAP mailbox."""

    pop3 = {"deletion": "keep"}

    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        self.store = DovecotStore(self.server, USER)
        self.store.deliver_all([corpus.plain_mail(n) for n in range(1, 6)])
        self.gate = self.gateway(self.server, pop3=self.pop3)
        self.state = State(self, self.gate.state_dir)

    def live(self):
        """A device reads and deletes, which hides; then looks again."""
        client = self.login(self.gate)
        client.dele(2)
        client.quit()
        return self.uidls()

    def uidls(self):
        client = self.login(self.gate)
        seen = (client.uidl(), client.list())
        client.quit()
        return seen

    def test_facts(self):
        self.live()
        facts = self.state.facts(USER, "--messages")
        self.assertEqual(facts["kind"], "maildrop")
        folder = facts["folders"][0]
        self.assertEqual((folder["name"], folder["messages"], folder["hidden"]), ("INBOX", 5, 1))
        self.assertEqual(folder["list"][1]["hidden_seconds"], 0)
        self.assertNotIn("hidden_seconds", folder["list"][0])
        self.assertRegex(self.state.done("show", USER), r"(?m)^INBOX +5 +1 +0 ")
        self.assertEqual(self.state.faults(), [])

    def test_round_trip_into_an_empty_directory(self):
        seen = self.live()
        self.assertEqual(len(seen[0]), 4)
        path = self.path("export.json")
        self.state.done("export", USER, "--output", path)
        self.gate.stop()
        self.gate = self.gateway(self.server, pop3=self.pop3, start=False)
        again = State(self, self.gate.state_dir)
        again.done("import", USER, path)
        self.assertEqual(again.facts(USER, "--messages")["folders"],
                         self.state.facts(USER, "--messages")["folders"])
        self.assertEqual(again.facts()["age_seconds"], self.state.facts()["age_seconds"])
        self.gate.start()
        self.assertEqual(self.uidls(), seen)

    def test_compact_and_replace(self):
        seen = self.live()
        path = self.path("export.json")
        self.state.done("export", USER, "--output", path)
        self.gate.stop()
        self.state.done("compact", USER)
        self.state.refused("import", USER, path, says="--replace")
        self.state.done("import", USER, path, "--replace")
        self.assertEqual(len(self.state.files("replaced-1/snapshot-1.json")), 1)
        self.gate.start()
        self.assertEqual(self.uidls(), seen)

    def test_a_document_of_the_other_kind(self):
        self.live()
        document = json.loads(self.state.done("export", USER))
        document["kind"] = "mailbox"
        path = self.path("wrong.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        self.gate.stop()
        self.state.refused("import", USER, path, "--replace", says="/state")

    def test_damage(self):
        self.live()
        self.gate.stop()
        self.state.done("compact", USER)
        path = self.state.file("snapshot-1.json")
        with open(path, "r+b") as file:
            file.seek(20)
            file.write(b"\0")
        self.assertRegex(self.state.faults()[0], "snapshot-1.json")

    def test_nothing_there(self):
        State(self, "/nowhere").refused("list", says="cannot open /nowhere")
        empty = self.path("empty")
        os.mkdir(empty)
        State(self, empty).refused("verify", says="no account was ever kept in it")
        self.assertEqual(os.listdir(empty), [])
        self.assertEqual(mailferry.run("state").returncode, 2)
        wrong = mailferry.run("state", "shwo", USER)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("did you mean show?", wrong.stderr)
        for words, usage in ((["show"], "show USER"), (["list", USER], "list"),
                             (["compact", USER, "--replace"], "compact USER"),
                             (["verify", "--bodies", "x"], r"verify \[USER\]")):
            done = mailferry.run("state", *words)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, "usage: mailferry state " + usage)
