import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failuresOf } from '@sealift/core';
import type { ControlHandlers, Params, TaskResult, TaskStart } from '@sealift/wire';
import t, { type Test } from 'tap';
import { startTransporter, type TransporterHandle } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

const fail = failuresOf({ busy: { kind: 'retry', advice: 'try again' } });

/** What the Director heard, and how it answers `task.finished` and `task.ticket`. */
class Listener {
  readonly hellos: Params<'hello'>[] = [];
  readonly results: (TaskResult & { taskId: string })[] = [];
  readonly #waiting: { taskId: string; resolve: (result: TaskResult) => void }[] = [];
  refuseResults = 0;
  ticket: ControlHandlers['task.ticket'] = () => new Promise(() => {});

  handlers(greet: ControlHandlers['hello']): ControlHandlers {
    return {
      hello: (params, context) => {
        this.hellos.push(params);
        return (greet as NonNullable<typeof greet>)(params, context);
      },
      'task.progress': () => ({}),
      'task.warning': () => ({}),
      'task.ticket': (params, context) => (this.ticket as NonNullable<typeof this.ticket>)(params, context),
      'task.finished': ({ taskId, result }) => {
        if (this.refuseResults > 0) {
          this.refuseResults -= 1;
          throw fail('busy', 'The database is busy');
        }
        this.results.push({ taskId, ...result });
        for (const waiting of this.#waiting) if (waiting.taskId === taskId) waiting.resolve(result);
        return {};
      },
    };
  }

  result(taskId: string): Promise<TaskResult> {
    const { promise, resolve } = Promise.withResolvers<TaskResult>();
    this.#waiting.push({ taskId, resolve });
    return promise;
  }
}

interface Site {
  director: DirectorStandIn;
  heard: Listener;
  source: TransporterHandle;
  folder: string;
  restart(): Promise<void>;
  start(task: TaskStart): Promise<void>;
}

async function siteFor(t: Test): Promise<Site> {
  const folder = await folderFor(t);
  const heard = new Listener();
  const director = await DirectorStandIn.start();
  Object.assign(director.handlers, heard.handlers(director.handlers.hello));
  const { config } = await director.enrolled(folder, 'source');
  const site: Site = {
    director,
    heard,
    folder,
    source: await startTransporter(config),
    restart: async () => {
      await site.source.close();
      site.source = await startTransporter(config);
    },
    start: async (task) => {
      await (await director.peer(site.source.id)).call('task.start', task);
    },
  };
  t.teardown(async () => {
    await site.source.close();
    await director[Symbol.asyncDispose]();
  });
  return site;
}

function backupTask(repositoryId: string, path: string): TaskStart & { kind: 'backup' } {
  const ids = { taskId: randomUUID(), runId: randomUUID(), jobId: randomUUID(), jobName: 'photos', attempt: 1 };
  const what = { sources: [Buffer.from(path)], exclude: [], compression: 'auto' };
  return { ...ids, kind: 'backup', spec: { ...what, repositoryId, mode: 'in-flight' } };
}

t.test('a backup and a restore run over two Transporters and their results are told', async (t) => {
  const site = await siteFor(t);
  const { director, heard, folder } = site;
  const { config, identity } = await director.enrolled(folder, 'target');
  const target = await startTransporter(config);
  t.teardown(() => target.close());
  const peer = await director.peer(target.id);
  const { repositoryId } = await peer.call('repository.create', { name: 'store', path: join(folder, 'store') });
  const photos = join(folder, 'photos');
  await mkdir(join(photos, 'summer'), { recursive: true });
  await writeFile(join(photos, 'summer', 'sea.txt'), 'waves');

  const sourceIdentity = director.identityOf('source');
  let ids = { runId: '', jobId: '' };
  heard.ticket = () => ({
    ticket: director.ticket(sourceIdentity, identity, { ...ids, repositoryId }),
    url: target.dataUrl as string,
    targetId: target.id,
  });
  const task = backupTask(repositoryId, photos);
  ids = { runId: task.runId, jobId: task.jobId };
  const backedUp = heard.result(task.taskId);
  await site.start(task);
  t.match(await backedUp, { outcome: 'done', point: { id: task.runId, sequence: 1, mode: 'in-flight' } });

  const restored = { ...task, taskId: randomUUID(), runId: randomUUID(), kind: 'restore' as const };
  ids = { runId: restored.runId, jobId: restored.jobId };
  const destination = join(folder, 'restored');
  const what = { pointId: task.runId, repositoryId, mode: 'in-flight' as const };
  const done = heard.result(restored.taskId);
  await site.start({ ...restored, spec: { ...what, destination, only: [], overwrite: 'never' } });
  t.match(await done, { outcome: 'done' });
  t.same(await readFile(join(destination, 'photos', 'summer', 'sea.txt'), 'utf8'), 'waves');
  const metrics = await (await fetch(`${site.source.healthUrl}/metrics`)).text();
  t.match(metrics, /sealift_bytes_total\{stage="read"\} [1-9]/);
  t.match(metrics, /sealift_stage_seconds_total\{stage="open"\} \d/);
});

t.test('a result is told again until the Director answers, also after a restart', async (t) => {
  const site = await siteFor(t);
  const { heard } = site;
  const task = backupTask(randomUUID(), '/nowhere');
  heard.ticket = () => {
    throw Object.assign(fail('busy', 'no ticket'), { kind: 'refused' });
  };
  heard.refuseResults = Number.POSITIVE_INFINITY;
  await site.start(task);
  await until(async () => (await heldTasks(site)).finished === 1);
  t.same(heard.results, []);
  await site.restart();
  heard.refuseResults = 1;
  const told = await heard.result(task.taskId);
  t.match(told, { outcome: 'failed', failure: { code: 'busy', message: 'no ticket' } });
  t.match(heard.hellos.at(-1)?.tasks, [{ taskId: task.taskId, state: 'finished' }]);
  await until(async () => (await heldTasks(site)).finished === 0);
});

t.test('a cancelled task says so', async (t) => {
  const site = await siteFor(t);
  const task = backupTask(randomUUID(), '/nowhere');
  const told = site.heard.result(task.taskId);
  await site.start(task);
  await site.start(task);
  t.same(await heldTasks(site), { running: 1, finished: 0 }, 'starting it twice begins it once');
  await (await site.director.peer(site.source.id)).call('task.cancel', { taskId: task.taskId });
  t.match(await told, { outcome: 'cancelled', failure: { code: 'cancelled' } });
});

t.test('a Transporter that stops leaves its running tasks to be dispatched again', async (t) => {
  const site = await siteFor(t);
  const task = backupTask(randomUUID(), '/nowhere');
  await site.start(task);
  t.same(await heldTasks(site), { running: 1, finished: 0 });
  await site.restart();
  await site.director.peer(site.source.id);
  await until(async () => site.heard.hellos.length === 2);
  t.same(site.heard.hellos.at(-1)?.tasks, []);
  t.same(site.heard.results, []);
});

async function heldTasks({ source }: Site): Promise<{ running: number; finished: number }> {
  const metrics = await (await fetch(`${source.healthUrl}/metrics`)).text();
  const count = (state: string) =>
    Number(new RegExp(`transporter_tasks\\{state="${state}"\\} (\\d+)`).exec(metrics)?.[1]);
  return { running: count('running'), finished: count('finished') };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}
