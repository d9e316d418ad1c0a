import { request } from 'node:https';
import { API, RestClient } from '@sealift/wire';
import t from 'tap';
import { newJob, openStage, openTheatre, type Stage, startRun } from './support/stage.ts';

interface Answer {
  status: number;
  type: string | undefined;
  body: string;
}

/** A request as anybody could make it, not through the typed client. */
async function ask(
  { director }: Stage,
  method: string,
  path: string,
  o: { token?: string; body?: string; type?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (o.token !== undefined) headers.authorization = `Bearer ${o.token}`;
  if (o.body !== undefined) headers['content-type'] = o.type ?? 'application/json';
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(new URL(path, director.url), { method, headers, rejectUnauthorized: false }, (answer) => {
    const parts: Buffer[] = [];
    answer.on('data', (part) => parts.push(part));
    answer.on('end', () => {
      const body = Buffer.concat(parts).toString();
      resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'], body });
    });
  });
  sent.on('error', reject);
  sent.end(o.body);
  return await promise;
}

t.test('without the right token everything but health, metrics and documentation is refused', async (t) => {
  await using stage = await openStage();
  for (const token of [undefined, 'wrong', '', 'x'.repeat(1000)]) {
    const answer = await ask(stage, 'GET', '/api/v1/jobs', token === undefined ? {} : { token });
    t.equal(answer.status, 401);
    t.equal(answer.type, 'application/problem+json');
    const problem = JSON.parse(answer.body);
    t.match(problem, { status: 401, code: 'unauthorized', kind: 'refused', title: String, detail: String });
    t.ok(problem.advice.length > 0);
  }
  t.equal((await ask(stage, 'GET', '/api/v1/events')).status, 401);
  t.equal((await ask(stage, 'GET', '/nowhere')).status, 401);
  for (const path of ['/healthz', '/readyz', '/metrics', '/api/openapi.json']) {
    t.equal((await ask(stage, 'GET', path)).status, 200, path);
  }
  using stranger = new RestClient({ url: stage.director.url, token: 'wrong' });
  await t.rejects(stranger.call('listJobs', {}), { code: 'certificate-refused' }, 'no authority, no trust');
});

t.test('wrong tokens are held up after a while, the right one never', async (t) => {
  await using stage = await openStage();
  const attempts = await Promise.all(
    Array.from({ length: 25 }, () => ask(stage, 'GET', '/api/v1/jobs', { token: 'no' })),
  );
  t.same([...new Set(attempts.map(({ status }) => status))].sort(), [401, 429]);
  await t.resolves(stage.client.call('listJobs', {}));
});

t.test('the OpenAPI document describes every operation with its answers and failures', async (t) => {
  await using stage = await openStage();
  const document = JSON.parse((await ask(stage, 'GET', '/api/openapi.json')).body);
  t.equal(document.openapi, '3.1.0');
  for (const [name, { method, path }] of Object.entries(API)) {
    const documented = document.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    t.equal(documented?.operationId, name);
    t.ok(documented?.responses['4XX'] ?? documented?.responses['4xx'], `failures of ${name}`);
  }
  for (const path of ['/api/v1/events', '/healthz', '/readyz', '/metrics'])
    t.ok(document.paths[path]?.get.summary, path);
  const references = JSON.stringify(document).match(/"\$ref":"[^"]+"/g) ?? [];
  t.same(references, [], 'nothing to resolve');
  t.equal(document.components.securitySchemes.bearer.scheme, 'bearer');
});

t.test('requests that are not what the API takes are refused with a reason and change nothing', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  const token = (client as unknown as { token?: string }).token;
  t.equal(token, undefined, 'the client keeps its token to itself');
  const job = { name: 'photos', source: { transporter: 'laptop', paths: ['/a'] }, repository: 'store' };
  const refused: [object, string][] = [
    [{ ...job, encryption: 'none' }, 'request-invalid'],
    [{ ...job, encryption: 'in-flight', name: '../x' }, 'request-invalid'],
    [{ ...job, encryption: 'in-flight', extra: 1 }, 'request-invalid'],
    [{ ...job, encryption: 'in-flight', source: { transporter: 'laptop', paths: [] } }, 'request-invalid'],
    [{ ...job, encryption: 'in-flight', source: { transporter: 'laptop', paths: ['relative'] } }, 'request-invalid'],
    [{ ...job, encryption: 'in-flight', source: { transporter: 'vault', paths: ['/a'] } }, 'role-unfit'],
    [{ ...job, encryption: 'in-flight', repository: 'nowhere' }, 'not-found'],
    [{ ...job, encryption: 'in-flight', password: 'secret' }, 'password-mismatch'],
    [{ ...job, encryption: 'source-side' }, 'password-mismatch'],
    [{ ...job, encryption: 'source-side', password: 'unknown' }, 'not-found'],
    [{ ...job, encryption: 'in-flight', compression: 'zstd:99' }, 'compression-invalid'],
    [{ ...job, encryption: 'in-flight', compression: 'gzip' }, 'request-invalid'],
  ];
  for (const [body, code] of refused) {
    await t.rejects(client.call('createJob', { body: body as never }), { code }, JSON.stringify(body));
  }
  t.same((await client.call('listJobs', {})).items, []);
  await t.rejects(client.call('listRuns', { query: { cursor: 'nonsense' } }), { code: 'request-invalid' });
  await t.rejects(client.call('listRuns', { query: { limit: 5000 } }), { code: 'request-invalid' });
  await t.rejects(client.call('getRun', { params: { id: 'nothing' } }), { code: 'not-found' });
  const repository = { name: 'second', transporter: 'laptop', path: '/b' };
  await t.rejects(client.call('createRepository', { body: repository }), { code: 'role-unfit' });
  await t.rejects(client.call('createRepository', { body: { ...repository, name: 'store' } }), { code: 'name-taken' });
});

t.test('malformed and oversized bodies are problems, not crashes', async (t) => {
  await using stage = await openStage();
  const path = '/api/v1/enrol';
  for (const body of ['{', 'null', '[]', '"x"', '{"__proto__":{"a":1}}', '']) {
    const answer = await ask(stage, 'POST', path, { body });
    t.match(answer, { status: 400, type: 'application/problem+json' }, body);
  }
  t.equal((await ask(stage, 'POST', path, { body: 'a=b', type: 'application/x-www-form-urlencoded' })).status, 415);
  t.equal((await ask(stage, 'POST', path, { body: JSON.stringify({ name: 'x'.repeat(300_000) }) })).status, 413);
  t.equal((await ask(stage, 'GET', '/healthz')).status, 200);
});

t.test('a creation with an Idempotency-Key happens once', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  const start = (key: string, id = 'photos') =>
    client.call('startRun', { params: { id } }, undefined, { idempotencyKey: key });
  const first = await start('key-1');
  await source.task(0);
  t.equal((await start('key-1')).id, first.id);
  t.equal(source.started.length, 1);
  t.not((await start('key-2')).id, first.id);
  await newJob(stage, 'mail');
  await t.rejects(start('key-1', 'mail'), { code: 'idempotency-key-reused' });
});

t.test('lists come in pages that join without gap or repetition', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) await newJob(stage, name);
  const pages: string[] = [];
  for await (const job of client.list('listJobs', { query: { limit: 2 } })) pages.push(job.name);
  t.same(pages, names);
  const started: string[] = [];
  for (const [index, name] of names.entries()) {
    started.unshift((await startRun(stage, name)).id);
    await source.task(index);
  }
  const runs: string[] = [];
  for await (const run of client.list('listRuns', { query: { limit: 2 } })) runs.push(run.id);
  t.same([...runs].sort(), [...started].sort());
  t.equal((await client.call('listRuns', { query: { job: 'c' } })).items.length, 1);
});

t.test('metrics carry the figures dashboards rely on', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  await stage.source.finish(await stage.source.task(0));
  const { body } = await ask(stage, 'GET', '/metrics');
  t.match(body, /sealift_job_last_success_timestamp_seconds\{job="photos"\} 1\d{9}/);
  t.match(body, 'sealift_job_last_run_status{job="photos",status="done"} 1');
  t.match(body, 'sealift_runs_total{job="photos",result="done"} 1');
  t.match(body, 'sealift_transporter_up{transporter="laptop",role="source"} 1');
  t.match(body, 'sealift_repository_points{repository="store"} 1');
  t.match(body, 'sealift_repository_free_bytes{repository="store"} 5000');
  t.match(body, 'sealift_bytes_total{stage="sent"} 100');
  t.match(body, /sealift_certificate_expiry_timestamp_seconds\{holder="director"\}/);
});
