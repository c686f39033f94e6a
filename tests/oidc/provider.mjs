// The OpenID provider of the interoperability tests: npm's oidc-provider on loopback, with its own
// forms for the person. Its options come as JSON in the last argument:
//
//   port               where to listen; also in the issuer
//   modules            directory whose node_modules has oidc-provider
//   clients            as OpenID registers them
//   service            whose mail client credentials are for: there is no person whom a token names
//   accessSeconds, deviceSeconds
//   renewedSeconds     of the first access token that is a renewed one, the second, and so on
//   revocation         whether tokens can be taken back
//
// It says what it grants, "granted GRANT_TYPE", what is taken back, "revoked HINT", and each token
// that it gives, "gave KIND TOKEN".
//
// Tokens are opaque, so that whoever is shown one must ask here (introspection), and hears whether
// the grant was revoked meanwhile.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const options = JSON.parse(process.argv.at(-1));
const { resolve } = createRequire(join(options.modules, 'package.json'));
const { default: Provider } = await import(pathToFileURL(resolve('oidc-provider')));

let renewals = 0;
const provider = new Provider(`http://127.0.0.1:${options.port}`, {
  clients: options.clients,
  scopes: ['openid', 'offline_access', 'mail'],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: options.revocation, allowedPolicy: () => true },
  },
  ttl: {
    AccessToken: (ctx) => (ctx.oidc.params.grant_type === 'refresh_token'
      ? options.renewedSeconds[Math.min(renewals, options.renewedSeconds.length - 1)]
      : options.accessSeconds),
    ClientCredentials: options.accessSeconds,
    DeviceCode: options.deviceSeconds,
  },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (ctx, token) => ({ username: token.accountId ?? options.service }),
});

provider.on('grant.success', (ctx) => {
  renewals += ctx.oidc.params.grant_type === 'refresh_token';
  console.log(`granted ${ctx.oidc.params.grant_type}`);
});
provider.on('grant.revoked', (ctx) => console.log(`revoked ${ctx.oidc.params.token_type_hint}`));
for (const kind of ['access_token', 'client_credentials', 'refresh_token']) {
  provider.on(`${kind}.saved`, (token) => console.log(`gave ${kind} ${token.jti}`));
}
provider.on('server_error', (ctx, error) => console.error(error));
provider.listen(options.port, '127.0.0.1');
