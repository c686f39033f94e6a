"""Peers that are not loopback: an address of our own, in a network namespace of our own."""

import ctypes
import os
import subprocess
import unittest


class OwnNetwork:
    """For a TestCase that needs it: this process and all that it starts are there while the class
    runs. Without root, only a process that has not yet started a thread may enter a user namespace:
    such a class must be the first of its file, by name."""

    ADDRESS = "192.0.2.1"

    @classmethod
    def setUpClass(cls):
        cls.leave = None
        try:
            cls.enter_namespace()
        except OSError as e:
            raise unittest.SkipTest(f"no network namespace permitted here: {e}") from e

    @classmethod
    def enter_namespace(cls):
        """This process and all it starts from now on. (Without root, as root of a user namespace.)"""
        new_user, new_net = 0x10000000, 0x40000000
        libc = ctypes.CDLL(None, use_errno=True)
        uid, gid = os.geteuid(), os.getegid()
        before = os.open("/proc/self/ns/net", os.O_RDONLY)
        if libc.unshare(new_net if uid == 0 else new_user | new_net) != 0:
            os.close(before)
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        if uid != 0:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"),
                               ("gid_map", f"0 {gid} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as f:
                    f.write(text)
        else:
            cls.leave = libc, before
        for command in (["link", "set", "lo", "up"], ["addr", "add", cls.ADDRESS, "dev", "lo"]):
            subprocess.run(["ip", *command], check=True)

    @classmethod
    def tearDownClass(cls):
        if cls.leave:
            libc, before = cls.leave
            libc.setns(before, 0)
            os.close(before)
