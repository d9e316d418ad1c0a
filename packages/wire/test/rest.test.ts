import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, createKeyAndRequest } from '@sealift/crypto';
import fc from 'fast-check';
import t from 'tap';
import { fetchAuthority, RestClient } from '../src/index.ts';
import { readEvents } from '../src/rest/sse.ts';

type Answerer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTPS server with a certificate of a new authority that says what a test wants. */
async function serve(answer: Answerer, o: { posing?: boolean } = {}) {
  const authority = await createAuthority();
  const { key, certificate } =
    o.posing === true ? await transporterCertificate() : await authority.issueServer(['x'], 1);
  const cert = `${certificate.trimEnd()}\n${authority.certificate}`;
  const server = createServer({ key, cert, minVersion: 'TLSv1.3' }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, authority, [Symbol.asyncDispose]: close };

  async function transporterCertificate() {
    const { privateKey, request } = await createKeyAndRequest();
    const id = '00000000-0000-4000-8000-000000000001';
    const issued = await authority.issueTransporter(request, id, 'target');
    return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, certificate: issued };
  }
}

const json = (status: number, body: unknown): Answerer => {
  return (_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

t.test('a Director is trusted by its authority or by the pin of it, under any name', async (t) => {
  await using server = await serve(json(200, { items: [] }));
  const { url, authority } = server;
  using byAuthority = new RestClient({ url, authority: authority.certificate });
  t.same(await byAuthority.call('listJobs', {}), { items: [] });
  using byPin = new RestClient({ url, pin: authority.pin });
  t.same(await byPin.call('listJobs', {}), { items: [] });
  t.equal((await fetchAuthority({ url, pin: authority.pin })).trim(), authority.certificate.trim());
  const other = await createAuthority();
  using stranger = new RestClient({ url, authority: other.certificate });
  await t.rejects(stranger.call('listJobs', {}), { code: 'certificate-refused' });
  using wrongPin = new RestClient({ url, pin: other.pin });
  await t.rejects(wrongPin.call('listJobs', {}), { code: 'certificate-refused' });
});

t.test('a Transporter of the same authority does not pass for the Director, and gets no token', async (t) => {
  let asked = 0;
  await using server = await serve(
    (request, response) => {
      asked++;
      json(200, { items: [] })(request, response);
    },
    { posing: true },
  );
  using client = new RestClient({ url: server.url, authority: server.authority.certificate, token: 'secret' });
  await t.rejects(client.call('listJobs', {}), { code: 'wrong-peer' });
  t.equal(asked, 0);
});

t.test('whatever answers other than a Director is told apart from a failure of the Director', async (t) => {
  const answers: [Answerer, { code: string; kind?: string; message?: string; advice?: string }][] = [
    [json(200, { wrong: 1 }), { code: 'response-invalid' }],
    [json(200, { items: [{ id: 1 }] }), { code: 'response-invalid' }],
    [json(404, { message: 'nginx' }), { code: 'response-invalid' }],
    [(_, response) => response.end('<html>'), { code: 'response-invalid' }],
    [(request) => request.socket.destroy(), { code: 'unreachable', kind: 'retry' }],
    [
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{');
        setTimeout(() => response.destroy(), 20);
      },
      { code: 'disconnected', kind: 'retry' },
    ],
    [
      (_, response) => {
        for (let written = 0; written < 20; written++) response.write(Buffer.alloc(1024 * 1024, 0x20));
        response.end();
      },
      { code: 'message-too-large' },
    ],
    [
      json(409, {
        ...{ type: 'urn:x', title: 'x', status: 409, code: 'name-taken', kind: 'refused' },
        ...{ detail: 'There is one.', advice: 'Choose another.' },
      }),
      { code: 'name-taken', kind: 'refused', message: 'There is one.', advice: 'Choose another.' },
    ],
  ];
  let next: Answerer = json(200, {});
  await using server = await serve((request, response) => next(request, response));
  using client = new RestClient({ url: server.url, authority: server.authority.certificate });
  for (const [answer, wanted] of answers) {
    next = answer;
    await t.rejects(client.call('listJobs', {}), wanted, JSON.stringify(wanted));
  }
});

t.test('events arrive whole however the stream is cut into pieces', async (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !/[\r\n\0]/.test(value));
  const event = fc.record({
    id: fc.integer({ min: 1 }).map(String),
    data: fc.array(text, { minLength: 1, maxLength: 3 }),
  });
  const pieces = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 20 });
  const property = fc.asyncProperty(fc.array(event, { maxLength: 5 }), pieces, async (events, sizes) => {
    const wire = events.map(
      ({ id, data }) => `: hi\r\nid: ${id}\nevent: x\n${data.map((d) => `data: ${d}\n`).join('')}\n`,
    );
    const bytes = Buffer.from(wire.join(''));
    async function* cut() {
      for (let at = 0, piece = 0; at < bytes.length; piece++) {
        const size = sizes[piece % sizes.length] ?? 1;
        yield bytes.subarray(at, at + size);
        at += size;
      }
    }
    const seen = [];
    for await (const { id, type, data } of readEvents(cut())) seen.push({ id, type, data });
    const wanted = events.map(({ id, data }) => ({ id, type: 'x', data: data.join('\n') }));
    t.same(seen, wanted);
  });
  await fc.assert(property, { numRuns: 100 });
});

t.test('a list is read to its end, page by page, with the token on each request', async (t) => {
  const urls: string[] = [];
  await using server = await serve((request, response) => {
    urls.push(`${request.url} ${request.headers.authorization}`);
    const more = urls.length < 3 ? { next: `c${urls.length}` } : {};
    const warning = { path: `p${urls.length}`, code: 'x', message: 'y', added: 'by a newer Director' };
    json(200, { items: [warning], ...more })(request, response);
  });
  using client = new RestClient({ url: server.url, authority: server.authority.certificate, token: 'tok' });
  const paths: string[] = [];
  for await (const { path } of client.list('listWarnings', { params: { id: 'a/b c' } })) paths.push(path);
  t.same(paths, ['p1', 'p2', 'p3']);
  const base = '/api/v1/runs/a%2Fb%20c/warnings';
  t.same(urls, [`${base} Bearer tok`, `${base}?cursor=c1 Bearer tok`, `${base}?cursor=c2 Bearer tok`]);
});
