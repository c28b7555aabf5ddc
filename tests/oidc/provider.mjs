// A real OpenID Connect provider on a free port, for the tests of signing in. Anyone may sign in, with any password; a
// login of `ada` is ada@example.com. What the roles claim holds is said beforehand: PUT /roles/ada?roles=a,b.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const redirects = process.argv.slice(2);
const people = new Map();

const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    { client_id: 'cairn', client_secret: 'a secret & its + signs', redirect_uris: redirects, grant_types: ['authorization_code'], response_types: ['code'] },
    { client_id: 'cairn-in-body', client_secret: 'another secret', redirect_uris: redirects, token_endpoint_auth_method: 'client_secret_post' },
    { client_id: 'cairn-public', redirect_uris: redirects, token_endpoint_auth_method: 'none' },
    { client_id: 'cairn-ec', redirect_uris: redirects, token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
  ],
  jwks: {
    keys: await Promise.all([
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      { name: 'ECDSA', namedCurve: 'P-256' },
    ].map(async (kind, i) => {
      const { privateKey } = await crypto.subtle.generateKey(kind, true, ['sign', 'verify']);
      const { ext, key_ops, ...jwk } = await crypto.subtle.exportKey('jwk', privateKey);
      return { ...jwk, kid: `key-${i}`, use: 'sig', alg: i === 0 ? 'RS256' : 'ES256' };
    })),
  },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
  scopes: ['openid', 'profile', 'email', 'roles'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], roles: ['roles'] },
  // Where true, the token has the claims of no scope but openid, and the rest is asked of the user info endpoint.
  conformIdTokenClaims: process.env.CLAIMS_BY_USERINFO === 'true',
  pkce: { required: () => true },
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: true } },
  async findAccount(_, id) {
    const roles = people.get(id) ?? [];
    return { accountId: id, claims: async () => ({ sub: id, name: id.toUpperCase(), email: `${id.replace('-unverified', '')}@example.com`, email_verified: !id.endsWith('-unverified'), roles }) };
  },
});
const handle = provider.callback();
server.on('request', (request, response) => {
  const url = new URL(request.url, issuer);
  if (request.method === 'PUT' && url.pathname.startsWith('/roles/')) {
    people.set(url.pathname.slice('/roles/'.length), (url.searchParams.get('roles') ?? '').split(',').filter(Boolean));
    response.writeHead(204).end();
    return;
  }
  handle(request, response);
});
console.log(`ready ${issuer}`);
