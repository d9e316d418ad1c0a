import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority, createEnrolmentToken, parseCertificate } from '@sealift/crypto';
import t, { type Test } from 'tap';
import { startTransporter, type TransporterConfig, type TransporterHandle } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

async function newcomer(t: Test) {
  const director = await DirectorStandIn.start();
  t.teardown(() => director[Symbol.asyncDispose]());
  const data = await folderFor(t);
  const config = (pin = director.authority.pin): TransporterConfig => ({
    name: 'source',
    role: 'source',
    data,
    directorUrl: director.restUrl,
    token: createEnrolmentToken(pin).token,
    healthPort: 0,
    workers: 1,
    logLevel: 'silent',
  });
  return { director, data, config };
}

t.test('a token gives an identity, which outlives it', async (t) => {
  const { director, data, config } = await newcomer(t);
  let keysAtRequest: string[] = [];
  director.onEnrol = async (answer) => {
    keysAtRequest = await readdir(join(data, 'keys'));
    return answer;
  };
  const first = await startTransporter(config());
  await director.peer(first.id);
  await first.close();
  t.same(keysAtRequest.length, 1, 'the key was on disk before the request was made');
  for (const name of ['identity.json', join('keys', keysAtRequest[0] ?? '')]) {
    t.same((await stat(join(data, name))).mode & 0o777, 0o600, `${name} is for its owner only`);
  }
  director.onEnrol = () => Promise.reject(new Error('asked again'));
  const again = await startTransporter(config());
  await again.close();
  t.same(again.id, first.id, 'a token is ignored once enrolled');
  const { token: _, ...without } = config();
  const last = await startTransporter(without);
  await last.close();
  t.same(last.id, first.id);
});

t.test('an enrolment that was cut off is repeated with another token', async (t) => {
  const { director, data, config } = await newcomer(t);
  director.onEnrol = () => Promise.reject(new Error('cut off'));
  await t.rejects(startTransporter(config()), { name: 'Failure' });
  director.onEnrol = async (answer) => answer;
  const transporter = await startTransporter(config());
  await director.peer(transporter.id);
  await transporter.close();
  t.same((await readdir(join(data, 'keys'))).length, 1, 'the key of the first attempt is gone');
});

t.test('a server that the token does not name is told nothing', async (t) => {
  const { director, config } = await newcomer(t);
  let told = false;
  director.onEnrol = async (answer) => {
    told = true;
    return answer;
  };
  const other = await createAuthority();
  await t.rejects(startTransporter(config(other.pin)), { code: 'certificate-refused' });
  t.notOk(told);
});

t.test('an answer that does not fit the request is refused', async (t) => {
  const { director, config } = await newcomer(t);
  const other = await director.identity('source');
  director.onEnrol = async (answer) => ({ ...answer, role: 'target' });
  await t.rejects(startTransporter(config()), { code: 'enrolment-invalid', message: /is for a target/ });
  director.onEnrol = async (answer) => ({ ...answer, certificate: other.certificate, id: other.id });
  await t.rejects(startTransporter(config()), { code: 'enrolment-invalid', message: /another key/ });
});

t.test('without identity and token, and with what is left of one, it says what to do', async (t) => {
  const { data, config } = await newcomer(t);
  const { token: _, ...without } = config();
  await t.rejects(startTransporter(without), { code: 'not-enrolled', advice: /transporter token/ });
  await t.rejects(startTransporter({ ...without, tokenFile: join(data, 'none') }), { code: 'configuration' });
  const transporter = await startTransporter(config());
  await transporter.close();
  await t.rejects(startTransporter({ ...config(), name: 'other' }), { code: 'identity-mismatch' });
  await writeFile(join(data, 'identity.json'), '{"version":1');
  await t.rejects(startTransporter(config()), { code: 'state-damaged', message: /identity\.json/ });
});

t.test('a certificate is renewed with a new key when most of its life is over', async (t) => {
  const director = await DirectorStandIn.start();
  const renewed = Promise.withResolvers<string>();
  director.handlers['certificate.renew'] = async ({ request }, { peer }) => {
    const certificate = await director.authority.issueTransporter(request, peer.peer.id, 'target');
    renewed.resolve(certificate);
    return { certificate, authority: director.authority.certificate };
  };
  // Valid since ten minutes ago, for three minutes more.
  const { config, identity } = await director.enrolled(await folderFor(t), 'target', 0.002);
  let target: TransporterHandle = await startTransporter(config);
  t.teardown(async () => {
    await target.close();
    await director[Symbol.asyncDispose]();
  });
  const { publicKeyHash, notAfter } = parseCertificate(await renewed.promise);
  t.notOk(publicKeyHash.equals(parseCertificate(identity.certificate).publicKeyHash));
  const expiry = async () => {
    const metrics = await (await fetch(`${target.healthUrl}/metrics`)).text();
    return Number(/^sealift_certificate_expiry_timestamp_seconds (\d+)/m.exec(metrics)?.[1]);
  };
  while ((await expiry()) !== notAfter.getTime() / 1000) await new Promise((resolve) => setTimeout(resolve, 50));
  while (!(await director.peer(target.id)).peer.publicKeyHash.equals(publicKeyHash)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await target.close();
  target = await startTransporter(config);
  t.same(await expiry(), notAfter.getTime() / 1000, 'it is the one on disk');
});
