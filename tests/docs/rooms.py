"""translate/ keeps out of the world, and the check of that does fire."""

import os
import subprocess
import tempfile
import unittest

ROOMS = os.path.join("tools", "rooms")

# What a line of translate/ may not be, and a word of why.
WRONG = (
    ("#include <pthread.h>", "thread"),
    ("#include <threads.h>", "thread"),
    ("#include <time.h>", "clock"),
    ("#include <sys/time.h>", "clock"),
    ("#include <unistd.h>", "files"),
    ("#include <fcntl.h>", "files"),
    ("#include <sys/stat.h>", "files"),
    ("#include <sys/socket.h>", "sockets"),
    ("#include <netinet/in.h>", "sockets"),
    ("#include <netdb.h>", "sockets"),
    ("#include <openssl/ssl.h>", "sockets"),
    ("#include <uv.h>", "event loop"),
    ("  #  include <curl/curl.h>", "event loop"),
    ('#include "proxy/log.h"', "proxy"),
    ('#include "tests/unit/feed.h"', "tests"),
    ("#include <sys/prctl.h>", "process"),
    ("#include <newly_found.h>", "tools/rooms"),
    ("static FILE *out;", "files"),
    ('void f(void) { printf("x"); }', "files"),
    ("long f(void) { return time(0); }", "clock"),
)

# And what may look like it.
RIGHT = """#include "translate/text/buf.h"
#include <stdio.h>
#include <openssl/evp.h>
/* #include <uv.h>: fopen(), time(0) and a FILE are the proxy's */
const char *said = "printf(x) \\" time(";
void box_rename(void) __attribute__((format(printf, 1, 2)));
"""


def check(*arguments):
    done = subprocess.run([ROOMS, *arguments], capture_output=True, text=True, timeout=30,
                          check=False)
    return done.returncode, done.stdout


class Rooms(unittest.TestCase):
    def of(self, text):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "noun.c"), "w", encoding="ascii") as f:
                f.write(text)
            return check(directory)

    def test_translate(self):
        self.assertEqual((0, ""), check())

    def test_what_is_wrong(self):
        for line, why in WRONG:
            with self.subTest(line):
                status, said = self.of(f"/* two\nlines */\n{line}\n")
                self.assertEqual(1, status)
                self.assertRegex(said, rf"\A\S+/noun\.c:3: .*{why}.*\n\Z")

    def test_what_is_right(self):
        self.assertEqual((0, ""), self.of(RIGHT))


if __name__ == "__main__":
    unittest.main()
