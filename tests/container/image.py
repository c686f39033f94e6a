"""The container image, built from the Dockerfile and run as it is meant to be run: read-only, with
no capability, its state in a volume.

No engine and no registry is needed: Debian's mmdebstrap makes the base image, buildah builds in a
chroot, podman runs it with runc on the host's network. Everything lies in a directory of the test,
so the machine's own images are not touched. Needs root. Takes a few minutes and the package mirror,
which is why it is not part of `make test`.
"""

import json
import os
import shutil
import subprocess
import unittest

from tests.lib import corpus
from tests.lib.pop3 import Pop3
from tests.lib.process import free_port, listening, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

_ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
_CACHE = os.path.join(_ROOT, "build-container")
_BASE = os.path.join(_CACHE, "bookworm-slim.tar")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n"
                             f"{done.stderr[-3000:]}")
    return done.stdout.strip()


@unittest.skipUnless(os.geteuid() == 0, "building a base image needs root")
class Image(Scene):
    @classmethod
    def setUpClass(cls):
        os.makedirs(_CACHE, exist_ok=True)
        cls.storage = os.path.join(_CACHE, "storage")
        cls.remove_storage()
        if not os.path.exists(_BASE):
            run("mmdebstrap", "--variant=minbase", "--format=tar", "--quiet", "bookworm",
                _BASE + ".new")
            os.rename(_BASE + ".new", _BASE)
        cls.engine("podman", "import", _BASE, "docker.io/library/debian:bookworm-slim")
        cls.engine("buildah", "bud", "--isolation=chroot", "--format=docker", "--pull-never",
                   "-t", "mailferry", _ROOT)

    @classmethod
    def tearDownClass(cls):
        cls.remove_storage()

    @classmethod
    def remove_storage(cls):
        def removed():
            shutil.rmtree(cls.storage, ignore_errors=True)
            return not os.path.exists(cls.storage)
        wait_until(removed, "the containers' last processes to let go of their storage")

    @classmethod
    def engine(cls, program, *arguments):
        return run(program, "--root", cls.storage + "/root", "--runroot", cls.storage + "/run",
                   "--storage-driver", "vfs", *arguments)

    def podman(self, *arguments):
        return self.engine("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs",
                           *arguments)

    def serve(self, upstream, *options):
        """Runs the image before `upstream`; gives the container's id and the port."""
        port = free_port()
        config = self.path("mailferry.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"listeners": [{"url": f"pop3://127.0.0.1:{port}"}],
                       "state": {"dir": "/var/lib/mailferry"},
                       "routes": [{"upstream": f"imap://127.0.0.1:{upstream.port}"}]}, f)
        os.chmod(config, 0o644)
        container = self.podman(
            "run", "--detach", "--network=host", "--read-only", "--cap-drop=ALL",
            "--security-opt=no-new-privileges", "--log-driver=k8s-file",
            # Without systemd there are no timers for health checks; the test asks by itself. And
            # podman's default limits may be above our own.
            "--no-healthcheck", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024",
            "-v", f"{config}:/etc/mailferry.json:ro", *options, "mailferry")
        self.addCleanup(self.podman, "rm", "--force", "--ignore", container)
        wait_until(lambda: listening(port), "the container to listen")
        return container, port

    def test_serves_and_ends(self):
        dovecot = self.dovecot()
        mails = [corpus.plain_mail(n) for n in range(3)]
        DovecotStore(dovecot, USER).deliver_all(mails)
        container, port = self.serve(dovecot)
        with Pop3(port) as client:
            client.login(USER, PASSWORD)
            self.assertEqual([client.retr(n) for n in (1, 2, 3)], mails)
            ids = client.uidl()
            client.quit()
        self.assertTrue(self.podman("exec", container, "mailferry", "healthcheck"))
        self.assertNotEqual(self.podman("exec", container, "id", "-u"), "0")
        with self.assertRaises(AssertionError):
            self.podman("exec", container, "touch", "/usr/local/file")
        self.podman("stop", "--time", "40", container)
        self.assertEqual(
            self.podman("inspect", "--format", "{{.State.ExitCode}}", container), "0")
        self.assertEqual(len(ids), 3)

    def test_state_outlives_the_container(self):
        fake = self.fake([corpus.plain_mail(n) for n in range(5)])
        self.podman("volume", "create", "state")
        lists = []
        for _ in range(2):
            container, port = self.serve(fake, "-v", "state:/var/lib/mailferry")
            fake.forget()
            with Pop3(port) as client:
                client.login(USER, PASSWORD)
                lists.append(client.uidl())
                client.quit()
            self.podman("stop", "--time", "40", container)
            self.podman("rm", container)
        self.assertEqual(lists[0], lists[1])
        self.assertEqual(fake.commands("FETCH"), [])  # the second run remembered the first

    def test_image_is_as_described(self):
        described = json.loads(self.podman("inspect", "--type=image", "mailferry"))[0]
        config = described["Config"]
        self.assertEqual(config["User"], "mailferry")
        self.assertEqual(config["Entrypoint"], ["mailferry"])
        self.assertIn("/var/lib/mailferry", config["Volumes"])
        self.assertIn("1110/tcp", config["ExposedPorts"])
        self.assertEqual(described["HealthCheck"]["Test"] if "HealthCheck" in described else
                         described["Healthcheck"]["Test"], ["CMD", "mailferry", "healthcheck"])
        base = json.loads(self.podman("inspect", "--type=image", "debian:bookworm-slim"))[0]
        self.assertLess(described["Size"] - base["Size"], 45_000_000)


if __name__ == "__main__":
    unittest.main()
