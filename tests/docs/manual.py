"""README.md and docs/mailferry.1 say what is true: each is held against what it describes."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = (ROOT / "docs/mailferry.1").read_text(encoding="utf-8")
MAILFERRY = os.environ["MAILFERRY"]


def schema_keys(schema, path=""):
    """(key, whether it is required, its schema) of everything that has a value."""
    for key, value in schema.get("properties", {}).items():
        name = f"{path}.{key}" if path else key
        if value["type"] == "object":
            yield from schema_keys(value, name)
        elif value["type"] == "array" and value["items"]["type"] == "object":
            yield from schema_keys(value["items"], name + "[]")
        elif key != "$schema":
            yield name, key in schema.get("required", []), value


def readme_rows():
    """Rows of README's tables: the first cell, without backquotes, and the second."""
    return dict(re.findall(r"^\| `([\w.\[\]]+)` \| ([^|]*?) ?\|", README, re.M))


def log_events():
    """Names of all events in the sources."""
    text = "".join(path.read_text(encoding="utf-8")
                   for folder in ("proxy", "translate") for path in (ROOT / folder).rglob("*.c"))
    calls = (r"log_message\(\s*LOG_\w+,\s*\"([\w-]+)\"",
             r"log_event\(\s*LOG_\w+,\s*[\w>-]+,\s*\"([\w-]+)\"",
             r"session_log_message\(\s*\w+,\s*LOG_\w+,\s*\"([\w-]+)\"",
             r"(?:account_host|admission)_log\(\s*\w+,\s*LOG_\w+,\s*\"([\w-]+)\"",
             r"(?:account|mailbox)_log\(\s*\w+,[^\";]*?LEVEL_\w+,\s*\"([\w-]+)\"",
             r"maildrop_log\(\s*m,[^\";]*?MAILDROP_\w+,\s*\"([\w-]+)\"")
    return {name for call in calls for name in re.findall(call, text)}


class Readme(unittest.TestCase):
    def test_every_key_of_the_schema_with_its_default(self):
        schema = json.loads((ROOT / "config/mailferry.schema.json").read_text(encoding="utf-8"))
        rows = readme_rows()
        told = {name for name in rows if "." in name or name in ("workers", "dns")}
        self.assertEqual(told, {name for name, _, _ in schema_keys(schema)})
        for name, required, value in schema_keys(schema):
            default = f"`{json.dumps(value['default'])}`" if "default" in value else ""
            with self.subTest(key=name):
                self.assertEqual(rows[name], "required" if required else default)

    def test_every_event_of_the_log(self):
        section = README.split("### Logs")[1].split("### Health")[0]
        told = {name for row in re.findall(r"^\| (`[^|]+) \|", section, re.M)
                for name in re.findall(r"`([\w-]+)`", row)}
        self.assertGreater(len(log_events()), 25)
        self.assertEqual(told, log_events())

    def test_configurations_are_valid(self):
        blocks = re.findall(r"^```json\n(.*?)^```", README, re.M | re.S)
        self.assertEqual(len(blocks), 8)
        for block in blocks:
            with self.subTest(block=block), tempfile.TemporaryDirectory() as directory:
                pem = pathlib.Path(directory, "a.pem")
                pem.touch()
                file = pathlib.Path(directory, "mailferry.json")
                file.write_text(re.sub(r"/etc/mailferry/\w+\.pem", str(pem), block),
                                encoding="utf-8")
                done = subprocess.run([MAILFERRY, "check", "-c", file], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_uidl_formats_are_valid(self):
        section = README.split("| the old server |")[1].split("###")[0]
        formats = re.findall(r"`([^`]*%[^`]*)`", section)
        self.assertGreater(len(formats), 8)
        for text in formats:
            with self.subTest(uidl=text), tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump({"listeners": [{"url": "pop3://127.0.0.1:1110"}],
                           "routes": [{"upstream": "imaps://h", "pop3": {"uidl": text}}]}, file)
                file.flush()
                done = subprocess.run([MAILFERRY, "check", "-c", file.name], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_files_that_are_named_exist(self):
        for path in re.findall(r"\]\(([^)#]+)\)", README):
            with self.subTest(path=path):
                self.assertTrue((ROOT / path).exists())


class Options(unittest.TestCase):
    def test_every_option_is_told(self):
        told = "".join(subprocess.run([MAILFERRY, command, "--help"], capture_output=True,
                                      text=True, check=True).stdout
                       for command in ("serve", "state", "authorize", "passwd"))
        options = set(re.findall(r"^  [ -].[ ,] --([\w-]+)", told, re.M))
        self.assertGreater(len(options), 8)
        for option in options:
            with self.subTest(option=option):
                self.assertIn(f"--{option}", README)
                self.assertIn(f"Fl \\-{option}", MANUAL)


if __name__ == "__main__":
    unittest.main()
