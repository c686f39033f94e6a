"""A real OpenID provider for OAuth 2.0, npm's oidc-provider (tests/oidc/provider.mjs), and the
person who fills in its forms. Without node or the module, the tests fail."""

import base64
import html.parser
import http.cookiejar
import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request

from tests.lib import secrecy
from tests.lib.process import Process, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULES = os.path.join(ROOT, "build-upstreams", "oidc")

PUBLIC = "gateway"
CONFIDENTIAL, SECRET = "service", "cl1ent-s3cret-of-the-service"
INTROSPECTOR, INTROSPECTOR_SECRET = "dovecot", "introspecti0n-s3cret"


def _clients():
    device = "urn:ietf:params:oauth:grant-type:device_code"
    return [
        {"client_id": PUBLIC, "token_endpoint_auth_method": "none", "application_type": "native",
         "redirect_uris": ["http://127.0.0.1/", "http://localhost/back", "app.mailferry:/back"],
         "response_types": ["code"],
         "grant_types": ["authorization_code", "refresh_token", device]},
        {"client_id": CONFIDENTIAL, "client_secret": SECRET, "redirect_uris": [],
         "response_types": [], "grant_types": ["client_credentials"]},
        {"client_id": INTROSPECTOR, "client_secret": INTROSPECTOR_SECRET, "redirect_uris": [],
         "response_types": [], "grant_types": []},
    ]


class Provider:
    """The provider, on a free port of loopback."""

    def __init__(self, directory, service=None, access_seconds=3600, device_seconds=600,
                 renewed_seconds=None, revocation=True):
        os.makedirs(directory, exist_ok=True)
        self.log = os.path.join(directory, "oidc.log")
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.process = None
        secrecy.keep_all((SECRET, INTROSPECTOR_SECRET), "a client's secret")
        self._options = {"port": self.port, "modules": MODULES, "clients": _clients(),
                         "service": service, "accessSeconds": access_seconds,
                         "deviceSeconds": device_seconds,
                         "renewedSeconds": renewed_seconds or [access_seconds],
                         "revocation": revocation}

    def start(self):
        node = shutil.which("node")
        if not node or not os.path.isdir(os.path.join(MODULES, "node_modules", "oidc-provider")):
            raise AssertionError("there is no node, or no oidc-provider under build-upstreams: "
                                 "run make deps")
        self.process = Process([node, os.path.join(ROOT, "tests", "oidc", "provider.mjs"),
                                json.dumps(self._options)], self.log)
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        if self.process:
            process, self.process = self.process, None
            process.stop()
            secrecy.keep_all(re.findall(r"^gave \S+ (\S+)$", process.output(), re.M), "a token")

    def dovecot(self, directory):
        """Lines of dovecot.conf: tokens instead of passwords, each introspected here."""
        path = os.path.join(directory, "oauth2.conf")
        url = f"http://{INTROSPECTOR}:{INTROSPECTOR_SECRET}@127.0.0.1:{self.port}"
        with open(path, "w", encoding="ascii") as f:
            f.write("introspection_mode = post\n"
                    f"introspection_url = {url}/token/introspection\n"
                    "username_attribute = username\nactive_attribute = active\n"
                    "active_value = true\n")
        os.chmod(path, 0o644)
        return ("auth_mechanisms = xoauth2 oauthbearer\n"
                f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n"
                f"  args = {path}\n}}\n")

    def given(self, kind):
        """All tokens that it gave of a kind: access_token, refresh_token or client_credentials."""
        return self._said(f"gave {kind}")

    def grants(self, kind):
        """How often it granted by a grant type."""
        return self._said("granted").count(kind)

    def revoked(self):
        """What it was told to take back, by the hints that came with it."""
        return self._said("revoked")

    def _said(self, what):
        with open(self.log, encoding="utf-8") as f:
            return re.findall(rf"^{what} (.*)$", f.read(), re.MULTILINE)

    def revoke(self, token):
        """The person takes the authorization back."""
        self._post("/token/revocation", {"token": token, "client_id": PUBLIC})

    def is_active(self, token):
        return self._post("/token/introspection", {"token": token},
                          (INTROSPECTOR, INTROSPECTOR_SECRET))["active"]

    def _post(self, path, form, basic=None):
        request = urllib.request.Request(self.issuer + path,
                                         urllib.parse.urlencode(form).encode())
        if basic:
            request.add_header("Authorization", "Basic "
                               + base64.b64encode(":".join(basic).encode()).decode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")


class _Form(html.parser.HTMLParser):
    """The first form of a page: its action and its fields, and the link to say no."""

    def __init__(self, page):
        super().__init__()
        self.action = None
        self.fields = {}
        self.abort = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attributes["action"]
        elif tag == "input" and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value") or ""
        elif tag == "a" and attributes.get("href", "").endswith("/abort"):
            self.abort = attributes["href"]


class _Held(urllib.request.HTTPRedirectHandler):
    """Keeps where the browser is led away from the provider to; follows it or not."""

    def __init__(self, issuer, follow):
        self.issuer = issuer
        self.follow = follow
        self.ended_at = None

    def _led(self, req, fp, code, msg, headers):
        target = urllib.parse.urljoin(req.full_url, headers["Location"])
        if not target.startswith(self.issuer):
            self.ended_at = target
            if not self.follow:
                return fp
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_302 = http_error_303 = _led


class Person:
    """Someone with a browser, who signs in and agrees, or does not."""

    def __init__(self, provider, login):
        self.provider = provider
        self.login = login

    def type_code(self, address, code, agree=True):
        """At the address that a device shows."""
        browser = self._browser()
        page = self._submit(browser, address, self._get(browser, address), user_code=code)
        self._answer(browser, address, page, agree)

    def open(self, address, agree=True, follow=True):
        """At the address for a browser. The address where the browser ends."""
        browser = self._browser(follow)
        self._answer(browser, address, self._get(browser, address), agree)
        return browser.held.ended_at

    def _browser(self, follow=True):
        held = _Held(self.provider.issuer, follow)
        browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), held)
        browser.held = held
        return browser

    def _get(self, browser, address, form=None):
        try:
            with browser.open(address, form, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as e:
            raise AssertionError(f"the provider answered {e.code}: {e.read().decode()}") from None

    def _submit(self, browser, address, page, **fields):
        form = _Form(page)
        filled = urllib.parse.urlencode({**form.fields, **fields}).encode()
        return self._get(browser, urllib.parse.urljoin(address, form.action), filled)

    def _answer(self, browser, address, page, agree):
        """Form after form, until there is none."""
        while not browser.held.ended_at and _Form(page).action:
            form = _Form(page)
            if form.abort and not agree:
                self._get(browser, urllib.parse.urljoin(address, form.abort))
                return
            fields = {"login": self.login, "password": "any"} if "login" in form.fields else {}
            page = self._submit(browser, address, page, **fields)
