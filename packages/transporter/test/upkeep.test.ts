import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { uuidBytes } from '@sealift/crypto';
import { filesystemStore, openRepository } from '@sealift/repository';
import type { ControlHandlers, ControlPeer, Params, TaskResult, UpkeepStart } from '@sealift/wire';
import t, { type Test } from 'tap';
import { startTransporter, type TransporterHandle } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

interface Site {
  folder: string;
  target: TransporterHandle;
  repositoryId: string;
  heard: ControlHandlers;
  peer(): Promise<ControlPeer>;
  restart(): Promise<void>;
}

/** A target with an empty repository, and a stand-in for its Director that hears what `heard` says. */
async function siteFor(t: Test): Promise<Site> {
  const folder = await folderFor(t);
  const director = await DirectorStandIn.start({ 'task.progress': () => ({}), 'task.warning': () => ({}) });
  const { config } = await director.enrolled(folder, 'target');
  let target = await startTransporter(config);
  t.teardown(async () => {
    await target.close();
    await director[Symbol.asyncDispose]();
  });
  const peer = await director.peer(target.id);
  const { repositoryId } = await peer.call('repository.create', { name: 'store', path: join(folder, 'store') });
  return {
    folder,
    target,
    repositoryId,
    heard: director.handlers,
    peer: () => director.peer(target.id),
    restart: async () => {
      await target.close();
      target = await startTransporter(config);
    },
  };
}

function verification(repositoryId: string): UpkeepStart & { kind: 'verify' } {
  const ids = { taskId: randomUUID(), runId: randomUUID(), repositoryId, repositoryName: 'store', attempt: 1 };
  return { ...ids, kind: 'verify', spec: {} };
}

function nextResult({ heard }: Site): Promise<TaskResult> {
  const { promise, resolve } = Promise.withResolvers<TaskResult>();
  heard['task.finished'] = ({ result }) => {
    resolve(result);
    return {};
  };
  return promise;
}

t.test('a target verifies a repository it serves and reports', async (t) => {
  const site = await siteFor(t);
  const result = nextResult(site);
  const peer = await site.peer();
  await peer.call('task.start', verification(site.repositoryId));
  t.match(await result, { outcome: 'done', report: { kind: 'verify', packs: 0, points: 0, damagedFiles: 0 } });
});

t.test('a repair of a repository without fault has nothing to do, and says what was never read', async (t) => {
  const site = await siteFor(t);
  await fill(site, join(site.folder, 'store'));
  const result = nextResult(site);
  const task: UpkeepStart = { ...verification(site.repositoryId), kind: 'repair', spec: { dryRun: false } };
  await (await site.peer()).call('task.start', task);
  const report = { kind: 'repair', packsFlawed: 0, chunksLost: 0, packsUnread: 1, next: /verify the repository first/ };
  t.match(await result, { outcome: 'done', report });
});

t.test('a collection tells what it would free, and what it freed', async (t) => {
  const site = await siteFor(t);
  await fill(site, join(site.folder, 'store'));
  const collection = (dryRun: boolean): UpkeepStart => {
    return { ...verification(site.repositoryId), kind: 'collect', spec: { dryRun, graceHours: 0 } };
  };
  const foretold = nextResult(site);
  await (await site.peer()).call('task.start', collection(true));
  const dry = await foretold;
  t.match(dry, { outcome: 'done', report: { kind: 'collect', dryRun: true, packsDead: 1, next: /--dry-run/ } });
  t.equal(dry.progress.upkeep?.bytesFreed, 0, 'a dry run frees nothing');
  const result = nextResult(site);
  await (await site.peer()).call('task.start', collection(false));
  const { report, progress } = await result;
  t.match(report, { kind: 'collect', dryRun: false, points: 0, packsDead: 1, packsAfter: 0, bytesAfter: 0 });
  t.ok((progress.upkeep?.bytesFreed ?? 0) > 8 * 1024 * 1024);
  t.match(progress, { phase: 'collecting' });
});

t.test('it refuses a repository that it does not serve, and tasks for a source', async (t) => {
  const site = await siteFor(t);
  const peer = await site.peer();
  await t.rejects(peer.call('task.start', verification(randomUUID())), { code: 'repository-unknown' });
  const { taskId, runId } = verification('');
  const spec = { pointId: runId, repositoryId: site.repositoryId, mode: 'in-flight' as const, destination: '/x' };
  const restore: Params<'task.start'> = {
    ...{ taskId, runId, jobId: runId, jobName: 'photos', attempt: 1, kind: 'restore' },
    spec: { ...spec, only: [], overwrite: 'never' },
  };
  await t.rejects(peer.call('task.start', restore), { code: 'role-unfit' });
});

t.test('a result that could not be told is told after a restart', async (t) => {
  const site = await siteFor(t);
  const task = verification(site.repositoryId);
  const asked = Promise.withResolvers<void>();
  site.heard['task.finished'] = () => {
    asked.resolve();
    throw Object.assign(new Error('the database is busy'), { kind: 'retry' });
  };
  await (await site.peer()).call('task.start', task);
  await asked.promise;
  const told = Promise.withResolvers<Params<'task.finished'>>();
  const hello = Promise.withResolvers<Params<'hello'>>();
  const greet = site.heard.hello as NonNullable<ControlHandlers['hello']>;
  site.heard.hello = (params, context) => {
    hello.resolve(params);
    return greet(params, context);
  };
  site.heard['task.finished'] = (params) => {
    told.resolve(params);
    return {};
  };
  await site.restart();
  t.match((await hello.promise).tasks, [{ taskId: task.taskId, state: 'finished' }]);
  t.match(await told.promise, { taskId: task.taskId, result: { report: { kind: 'verify' } } });
});

t.test('one that is cancelled says so', async (t) => {
  const site = await siteFor(t);
  const path = join(site.folder, 'store');
  await fill(site, path);
  const peer = await site.peer();
  const result = nextResult(site);
  // Slow enough to be still at work: a MiB a second of several.
  const task = { ...verification(site.repositoryId), spec: { bytesPerSecond: 1024 * 1024 } };
  await peer.call('task.start', task);
  await peer.call('task.cancel', { taskId: task.taskId });
  t.match(await result, { outcome: 'cancelled', failure: { code: 'cancelled' } });
});

/** Puts a few MiB into the repository while its target is away. */
async function fill(site: Site, path: string): Promise<void> {
  await site.target.close();
  {
    await using repository = await openRepository(filesystemStore(path), { holder: site.target.id });
    await using writer = repository.writer({ zone: uuidBytes(repository.id) });
    for (let i = 0; i < 8; i++) {
      const body = Buffer.alloc(1024 * 1024, i);
      const checksum = Buffer.from(await crypto.subtle.digest('SHA-256', body));
      await writer.put({ id: Buffer.alloc(32, i), type: 1, body, checksum });
    }
  }
  await site.restart();
}
