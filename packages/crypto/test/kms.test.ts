import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { createAuthority, type KmsConfig, openKeyWrapper, parseKmsAddress } from '../src/index.ts';
import { codeOf, codeOfAsync, flip } from './fixtures.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const context = { purpose: 'ph-wrap', domainId: Buffer.alloc(16, 1), epoch: 1 };
const secret = randomBytes(32);

t.test('addresses of keys are read strictly', async (t) => {
  t.same(parseKmsAddress('file:/etc/sealift/master.key'), { provider: 'master-key', file: '/etc/sealift/master.key' });
  t.same(parseKmsAddress('pkcs11:token=main;object=my%20key?module-path=/m.so&pin-source=file:/pin'), {
    provider: 'pkcs11',
    module: '/m.so',
    token: 'main',
    object: 'my key',
    pinFile: '/pin',
  });
  t.match(parseKmsAddress('aws-kms:arn:aws:kms:eu-central-1:123456789012:key/ab-cd'), { region: 'eu-central-1' });
  t.same(parseKmsAddress('vault:https://v:8200/transit/keys/sealift?token-file=/t&namespace=ops'), {
    provider: 'vault',
    address: 'https://v:8200',
    mount: 'transit',
    key: 'sealift',
    tokenFile: '/t',
    namespace: 'ops',
  });
  for (const wrong of [
    '',
    '/etc/master.key',
    'file:master.key',
    'pkcs11:token=main?module-path=/m.so&pin-source=file:/pin',
    'pkcs11:token=main;object=k?module-path=m.so&pin-source=file:/pin',
    'pkcs11:token=main;object=k?module-path=/m.so&pin-value=1234',
    'aws-kms:key/ab',
    'vault:http://v:8200/transit/keys/sealift?token-file=/t',
    'vault:https://v:8200/transit/sealift?token-file=/t',
    'vault:https://v:8200/transit/keys/sealift?token-file=/t&skip-verify=1',
    `file:/${'x'.repeat(3000)}`,
  ]) {
    t.equal(
      codeOf(() => parseKmsAddress(wrong)),
      'kms-config-invalid',
      wrong.slice(0, 60),
    );
  }
});

t.test('a key that never leaves a SoftHSM token wraps, and nothing else unwraps', async (t) => {
  const folder = t.testdir({ tokens: {} });
  process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
  await writeFile(process.env.SOFTHSM2_CONF, `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`);
  const pinFile = join(folder, 'pin');
  await writeFile(pinFile, '5678\n', { mode: 0o600 });
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'sealift', '--so-pin', '1234', '--pin', '5678']);
  const login = ['--module', MODULE, '--token-label', 'sealift', '--login', '--pin', '5678'];
  for (const label of ['backup', 'other']) {
    execFileSync('pkcs11-tool', [...login, '--keygen', '--key-type', 'AES:32', '--label', label, '--sensitive'], {
      stdio: 'ignore',
    });
  }
  const config = { provider: 'pkcs11', module: MODULE, token: 'sealift', object: 'backup', pinFile } as const;
  await using wrapper = await openKeyWrapper(config);
  const wrapped = await wrapper.wrap(secret, context);
  t.ok((await wrapper.unwrap(wrapped, context)).equals(secret));
  t.notOk(wrapped.includes(secret));
  t.notOk((await wrapper.wrap(secret, context)).equals(wrapped), 'each wrap has a nonce of its own');
  for (const change of [{ purpose: 'slot-key' }, { epoch: 2 }, { domainId: Buffer.alloc(16, 2) }]) {
    t.equal(await codeOfAsync(wrapper.unwrap(wrapped, { ...context, ...change })), 'wrap-damaged');
  }
  for (const at of [0, 13, wrapped.length - 1]) {
    t.equal(await codeOfAsync(wrapper.unwrap(flip(wrapped, at), context)), 'wrap-damaged', `byte ${at}`);
  }
  t.equal(await codeOfAsync(wrapper.unwrap(wrapped.subarray(0, 20), context)), 'wrap-damaged');
  await using other = await openKeyWrapper({ ...config, object: 'other' });
  t.equal(
    await codeOfAsync(other.unwrap(wrapped, context)),
    'wrap-damaged',
    'another key of the token does not open it',
  );
  t.ok((await wrapper.unwrap(wrapped, context)).equals(secret), 'after all that it goes on');

  const refusals: [string, Partial<typeof config>, string][] = [
    ['no such key', { object: 'missing' } as never, 'kms-refused'],
    ['no such token', { token: 'missing' } as never, 'kms-unavailable'],
    ['no such module', { module: '/nowhere/lib.so' } as never, 'kms-refused'],
  ];
  for (const [what, change, code] of refusals) {
    await using wrong = await openKeyWrapper({ ...config, ...change } as KmsConfig);
    t.equal(await codeOfAsync(wrong.wrap(secret, context)), code, what);
  }
});

type Answer = (path: string, body: Record<string, unknown>, request: IncomingMessage) => [number, unknown];

/** A server that answers JSON, for stubs of services that cannot be had. */
function answering(answer: Answer, seen: { path: string; body: Record<string, unknown> }[]) {
  return (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      const path = String(request.headers['x-amz-target'] ?? request.url);
      seen.push({ path, body });
      const [status, result] = answer(path, body, request);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(result));
    });
  };
}

t.test('against a stub of Vault: transit is spoken with associated data, token and namespace', async (t) => {
  const folder = t.testdir();
  const authority = await createAuthority();
  const { key, certificate } = await authority.issueServer(['127.0.0.1'], 1);
  const seen: { path: string; body: Record<string, unknown> }[] = [];
  let mode: 'works' | 'sealed' | 'denied' = 'works';
  let headers: IncomingMessage['headers'] = {};
  const answer: Answer = (path, body, request) => {
    headers = request.headers;
    if (mode === 'sealed') return [503, { errors: ['Vault is sealed'] }];
    if (mode === 'denied') return [403, { errors: ['permission denied'] }];
    const bound = Buffer.from(`${body.associated_data}`).toString('base64');
    if (path.includes('/encrypt/')) return [200, { data: { ciphertext: `vault:v1:${bound}:${body.plaintext}` } }];
    const [, , data, plaintext] = String(body.ciphertext).split(':');
    return data === bound ? [200, { data: { plaintext } }] : [400, { errors: ['message authentication failed'] }];
  };
  const server = createServer({ key, cert: `${certificate}\n${authority.certificate}` }, answering(answer, seen));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const [tokenFile, caFile] = [join(folder, 'token'), join(folder, 'ca.pem')];
  await writeFile(tokenFile, 'first\n');
  await writeFile(caFile, authority.certificate);
  const { port } = server.address() as AddressInfo;
  const address = `vault:https://127.0.0.1:${port}/transit/keys/sealift?token-file=${tokenFile}&ca-file=${caFile}&namespace=ops`;
  await using wrapper = await openKeyWrapper(parseKmsAddress(address));
  const wrapped = await wrapper.wrap(secret, context);
  t.match(headers, { 'x-vault-token': 'first', 'x-vault-namespace': 'ops' });
  t.match(seen[0], { path: '/v1/transit/encrypt/sealift', body: { plaintext: secret.toString('base64') } });
  t.ok(Buffer.from(String(seen[0]?.body.associated_data), 'base64').includes('sealift/v1/wrap/ph-wrap'));
  await writeFile(tokenFile, 'renewed\n');
  t.ok((await wrapper.unwrap(wrapped, context)).equals(secret));
  t.match(headers, { 'x-vault-token': 'renewed' });
  t.equal(await codeOfAsync(wrapper.unwrap(wrapped, { ...context, epoch: 2 })), 'wrap-damaged');
  mode = 'sealed';
  t.equal(await codeOfAsync(wrapper.unwrap(wrapped, context)), 'kms-unavailable');
  mode = 'denied';
  t.equal(await codeOfAsync(wrapper.unwrap(wrapped, context)), 'kms-refused');
  server.close().closeAllConnections();
  t.equal(await codeOfAsync(wrapper.unwrap(wrapped, context)), 'kms-unavailable');
});

t.test('against a stub of AWS KMS: the context is the EncryptionContext, and its errors are told apart', async (t) => {
  const home = t.testdir();
  await mkdir(join(home, '.aws'), { recursive: true });
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'stub', AWS_SECRET_ACCESS_KEY: 'stub', HOME: home });
  const seen: { path: string; body: Record<string, unknown> }[] = [];
  let error: string | undefined;
  const answer: Answer = (path, body) => {
    if (error !== undefined) return [error === 'KMSInternalException' ? 500 : 400, { __type: error, message: 'stub' }];
    const bound = JSON.stringify(body.EncryptionContext);
    if (path.endsWith('.Encrypt')) {
      return [200, { CiphertextBlob: Buffer.from(`${bound}|${body.Plaintext}`).toString('base64') }];
    }
    const [data, plaintext] = Buffer.from(String(body.CiphertextBlob), 'base64').toString().split('|');
    return data === bound ? [200, { Plaintext: plaintext }] : [400, { __type: 'InvalidCiphertextException' }];
  };
  const server = createHttpServer(answering(answer, seen)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keyId = 'arn:aws:kms:eu-central-1:123456789012:key/ab-cd';
  await using wrapper = await openKeyWrapper(parseKmsAddress(`aws-kms:${keyId}?endpoint=${endpoint}`));
  const wrapped = await wrapper.wrap(secret, context);
  t.match(seen[0]?.body, {
    KeyId: keyId,
    EncryptionContext: {
      app: 'sealift',
      purpose: 'ph-wrap',
      domainId: '01010101-0101-0101-0101-010101010101',
      epoch: '1',
    },
  });
  t.ok((await wrapper.unwrap(wrapped, context)).equals(secret));
  t.equal(await codeOfAsync(wrapper.unwrap(wrapped, { ...context, epoch: 2 })), 'wrap-damaged');
  for (const [name, code] of [
    ['AccessDeniedException', 'kms-refused'],
    ['NotFoundException', 'kms-refused'],
    ['KMSInternalException', 'kms-unavailable'],
    ['ThrottlingException', 'kms-unavailable'],
  ] as const) {
    error = name;
    t.equal(await codeOfAsync(wrapper.unwrap(wrapped, context)), code, name);
  }
  server.close().closeAllConnections();
  t.equal(await codeOfAsync(wrapper.wrap(secret, context)), 'kms-unavailable');
});
