"""The last device of a user who was authorized by OAuth 2.0 goes, and with it what he granted at the
provider, as far as that can be had; what cannot is said."""

from tests.interop.authorize import LINK, MADE, Authorization
from tests.lib.authorizing import AtATerminal, Authorizing
from tests.lib.oidc import Person
from tests.lib.scene import USER

TAKEN = "has taken the authorization back"
LEFT = "until it is removed there"


class LastDevice(Authorization):
    def authorized(self):
        """A gateway that was not started, and the password of the device "scanner"."""
        gateway = self.scene(grant="code")
        walk = self.authorize(gateway, "--device", "scanner")
        Person(self.provider, USER).open(walk.shown(LINK))
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        return gateway, password

    def passwd(self, gateway, *options, line="", status=0, where=None):
        ran = Authorizing("passwd", USER, *(where or ("-c", gateway.config_file)), *options)
        self.addCleanup(ran.close)
        ran.say(line)
        self.assertEqual(ran.end(), status, ran.text)
        self.check_private(gateway, ran.text, *filter(None, [line]))
        return ran.text.replace("\n", " ")

    def revoke(self, gateway, password="", **more):
        return self.passwd(gateway, "--revoke", "scanner", "--last", line=password, **more)

    def test_taken_back(self):
        gateway, password = self.authorized()
        text = self.revoke(gateway, password)
        self.assertIn(TAKEN, text)
        self.assertIn('"scanner"', text)
        self.assertEqual(self.provider.revoked(), ["refresh_token"])
        self.assertEqual(self.vaults(gateway), [])

    def test_by_an_endpoint_that_the_route_names(self):
        gateway, password = self.authorized()
        oauth = gateway.config["routes"][0]["oauth"]
        del oauth["issuer"]
        for name, path in (("authorization", "auth"), ("token", "token"),
                           ("revocation", "token/revocation")):
            oauth[name + "_endpoint"] = f"{self.provider.issuer}/{path}"
        gateway.write_config()
        self.assertIn(TAKEN, self.revoke(gateway, password))
        self.assertEqual(self.provider.revoked(), ["refresh_token"])

    def test_not_with_another_device_left(self):
        gateway, password = self.authorized()
        self.passwd(gateway, "--device", "phone", line=password)
        self.assertNotIn(LEFT, self.revoke(gateway))
        self.assertEqual(self.provider.revoked(), [])
        self.assertEqual(len(self.vaults(gateway)), 1)

    def test_of_another_provider(self):
        """What one gave is not shown to the other."""
        gateway, password = self.authorized()
        oauth = gateway.config["routes"][0]["oauth"]
        oauth["issuer"] = oauth["issuer"].replace("127.0.0.1", "localhost")
        gateway.write_config()
        text = self.revoke(gateway, password)
        self.assertIn("did not give it. It goes on at 127.0.0.1", text)
        self.assertEqual(self.provider.revoked(), [])
        self.assertEqual(self.vaults(gateway), [])

    def test_without_the_password(self):
        gateway, _ = self.authorized()
        self.assertIn(LEFT, self.revoke(gateway))
        self.assertEqual(self.provider.revoked(), [])
        self.assertEqual(self.vaults(gateway), [])

    def test_a_wrong_password_changes_nothing(self):
        gateway, password = self.authorized()
        self.revoke(gateway, password + "x", status=1)
        self.assertEqual(self.provider.revoked(), [])
        self.assertEqual(len(self.vaults(gateway)), 1)

    def test_without_a_configuration(self):
        gateway, _ = self.authorized()
        text = self.revoke(gateway, where=("--state-dir", gateway.state_dir))
        self.assertIn("goes on at the provider", text)
        self.assertEqual(self.vaults(gateway), [])

    def test_a_provider_that_takes_nothing_back(self):
        self.provider = self.identity(revocation=False)
        gateway, password = self.authorized()
        text = self.revoke(gateway, password)
        self.assertIn("has no revocation endpoint", text)
        self.assertIn(LEFT, text)
        self.assertEqual(self.vaults(gateway), [])

    def test_a_provider_that_is_down(self):
        gateway, password = self.authorized()
        self.provider.stop()
        text = self.revoke(gateway, password)
        self.assertIn("was not taken back", text)
        self.assertIn(LEFT, text)
        self.assertEqual(self.vaults(gateway), [])

    def test_a_provider_that_refuses(self):
        gateway, password = self.authorized()
        gateway.config["routes"][0]["oauth"]["client_id"] = "nobody"
        gateway.write_config()
        text = self.revoke(gateway, password)
        self.assertIn("invalid_client", text)
        self.assertIn(LEFT, text)
        self.assertEqual(self.vaults(gateway), [])

    def test_interrupted_at_a_terminal(self):
        gateway, _ = self.authorized()
        ran = AtATerminal("passwd", USER, "-c", gateway.config_file, "--revoke", "scanner", "--last")
        self.addCleanup(ran.close)
        ran.shown("(to take the authorization back)")
        ran.interrupt()
        self.assertNotEqual(ran.end(), 0, ran.text)
        self.assertEqual(len(self.vaults(gateway)), 1)

    def test_what_is_replaced_goes_on_at_the_provider(self):
        """Many take back all that a person has granted, the new authorization too."""
        gateway, _ = self.authorized()
        walk = self.authorize(gateway, "--replace")
        Person(self.provider, USER).open(walk.shown(LINK))
        self.assertEqual(walk.end(), 0, walk.text)
        self.assertIn("authorized before is gone from here", walk.text)
        self.assertEqual(self.provider.revoked(), [])


if __name__ == "__main__":
    import unittest
    unittest.main()
