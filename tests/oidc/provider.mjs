// The OpenID provider of the interoperability tests: npm's oidc-provider on loopback, with its own
// forms for the person. Its options come as JSON in the last argument:
//
//   port               where to listen; also in the issuer
//   modules            directory whose node_modules has oidc-provider
//   clients            as OpenID registers them
//   service            whose mail client credentials are for: there is no person whom a token names
//   accessSeconds, deviceSeconds
//
// Tokens are opaque, so that whoever is shown one must ask here (introspection), and hears whether
// the grant was revoked meanwhile.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const options = JSON.parse(process.argv.at(-1));
const { resolve } = createRequire(join(options.modules, 'package.json'));
const { default: Provider } = await import(pathToFileURL(resolve('oidc-provider')));

const provider = new Provider(`http://127.0.0.1:${options.port}`, {
  clients: options.clients,
  scopes: ['openid', 'offline_access', 'mail'],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
  },
  ttl: {
    AccessToken: options.accessSeconds,
    ClientCredentials: options.accessSeconds,
    DeviceCode: options.deviceSeconds,
  },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (ctx, token) => ({ username: token.accountId ?? options.service }),
});

// Each token that is given, for the test to look for where none may be.
for (const kind of ['access_token', 'refresh_token', 'client_credentials']) {
  provider.on(`${kind}.saved`, (token) => console.log(`token ${token.jti}`));
}
provider.on('server_error', (ctx, error) => console.error(error));
provider.listen(options.port, '127.0.0.1');
