import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '@sealift/core';
import t, { type Test } from 'tap';
import { runPendingHooks, withHooks } from '../src/hooks/with-hooks.ts';
import { folderFor } from './helpers.ts';

const SUBJECT = { jobId: 'job-id', jobName: 'db', runId: 'run-id' };
const NEVER = new AbortController().signal;

/** A folder of hooks, and what comes of running them. */
async function placeFor(t: Test) {
  const folder = await folderFor(t);
  const hooks = join(folder, 'hooks');
  await mkdir(hooks, { mode: 0o755 });
  const log = join(folder, 'log');
  const notes: string[] = [];
  const failed: Failure[] = [];
  return {
    place: { hooks, pendingHooks: join(folder, 'pending') },
    told: { note: (text: string) => notes.push(text), failed: (_: string, failure: Failure) => failed.push(failure) },
    notes,
    failed,
    folder,
    hook: async (name: string, script: string, mode = 0o700) => {
      await writeFile(join(hooks, name), `#!/bin/sh\nLOG=${log}\n${script}\n`, { mode });
      await chmod(join(hooks, name), mode);
    },
    said: async () => (existsSync(log) ? (await readFile(log, 'utf8')).trim().split('\n') : []),
  };
}

const SAY = 'echo $(basename $0) $SEALIFT_PHASE $SEALIFT_JOB $SEALIFT_RUN_ID $SEALIFT_OUTCOME >> $LOG';

t.test('commands run before and after the work, and know what for', async (t) => {
  const { place, told, hook, said, notes, failed } = await placeFor(t);
  await hook('stop', SAY);
  await hook('go', SAY);
  const work = async () => {
    t.same(await said(), ['stop before db run-id']);
    return 5;
  };
  t.equal(await withHooks(SUBJECT, { before: 'stop', after: 'go' }, place, told, work, NEVER), 5);
  t.same(await said(), ['stop before db run-id', 'go after db run-id done']);
  t.match(notes, [/before the run, stop, took/, /after the run, go, took/]);
  t.same(failed, []);
  t.same(await readdir(place.pendingHooks), []);
});

t.test('nothing of the environment of the Transporter is handed to a command but PATH', async (t) => {
  const { place, told, hook, said } = await placeFor(t);
  process.env.SEALIFT_ENROLMENT_TOKEN = 'secret';
  t.teardown(() => delete process.env.SEALIFT_ENROLMENT_TOKEN);
  await hook('look', 'env | grep -E "^(PATH|SEALIFT_.*)=" | cut -d = -f 1 | sort >> $LOG');
  await withHooks(SUBJECT, { before: 'look' }, place, told, async () => {}, NEVER);
  t.same(await said(), ['PATH', 'SEALIFT_JOB', 'SEALIFT_JOB_ID', 'SEALIFT_PHASE', 'SEALIFT_RUN_ID']);
});

t.test('without the first command nothing is begun, and the second one runs all the same', async (t) => {
  const { place, told, hook, said } = await placeFor(t);
  await hook('stop', 'echo "no such database"; exit 3');
  await hook('go', SAY);
  const work = async () => t.fail('nothing may be read');
  const run = withHooks(SUBJECT, { before: 'stop', after: 'go' }, place, told, work, NEVER);
  await t.rejects(run, { code: 'hook-failed', message: /stop ended with status 3: no such database/ });
  t.same(await said(), ['go after db run-id failed']);
});

t.test('the second command runs when the work fails or is cancelled, and its own failure is told', async (t) => {
  const { place, told, hook, said, failed } = await placeFor(t);
  await hook('go', `${SAY}; exit 1`);
  const stop = new AbortController();
  const work = async () => {
    stop.abort(new Error('cancelled'));
    throw stop.signal.reason;
  };
  await t.rejects(withHooks(SUBJECT, { after: 'go' }, place, told, work, stop.signal), { message: 'cancelled' });
  t.same(await said(), ['go after db run-id failed']);
  t.match(failed, [{ code: 'hook-failed', message: /go ended with status 1/ }]);
});

t.test('a command that hangs is ended with all that it has started', async (t) => {
  const { place, told, hook, said } = await placeFor(t);
  // The child takes no hint, and holds the output of its parent open.
  await hook('hang', `sh -c 'trap "" TERM; echo $$ >> '$LOG'; while :; do sleep 1; done' &\nwait`);
  const run = withHooks(SUBJECT, { before: 'hang', hookSeconds: 1 }, place, told, async () => t.fail(), NEVER);
  await t.rejects(run, { code: 'hook-failed', message: /hang was ended, for it took longer than 1 s/ });
  const [pid] = await said();
  t.match(pid, /^\d+$/);
  t.equal(await ended(Number(pid)), true);
});

/** Resolves when a process is gone, or is nothing but an entry that its parent has not taken note of. */
async function ended(pid: number): Promise<boolean> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    if (/\) [ZX]/.test(status)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

t.test('a command that leaves something running in the background does not hold up the run', async (t) => {
  const { place, told, hook, said } = await placeFor(t);
  await hook('leave', 'sleep 1000 &\necho $! >> $LOG');
  await withHooks(SUBJECT, { before: 'leave' }, place, told, async () => {}, NEVER);
  const [pid] = await said();
  process.kill(Number(pid), 'SIGKILL');
});

t.test('a run that is cancelled ends the command before it', async (t) => {
  const { place, told, hook } = await placeFor(t);
  await hook('hang', 'sleep 1000');
  const stop = new AbortController();
  const run = withHooks(SUBJECT, { before: 'hang' }, place, told, async () => t.fail(), stop.signal);
  setTimeout(() => stop.abort(new Error('cancelled')), 200);
  await t.rejects(run, { message: 'cancelled' });
});

t.test('only programs that nobody else could have put there are run', async (t) => {
  const { place, told, hook, folder } = await placeFor(t);
  await hook('open', SAY, 0o722);
  await hook('flat', SAY, 0o600);
  await writeFile(join(folder, 'outside'), '#!/bin/sh\n', { mode: 0o700 });
  await symlink(join(folder, 'outside'), join(place.hooks, 'link'));
  await mkdir(join(place.hooks, 'folder'));
  const refused = (before: string, message: RegExp) =>
    t.rejects(
      withHooks(SUBJECT, { before }, place, told, async () => t.fail(), NEVER),
      { code: 'hook-unfit', message },
    );
  await refused('open', /changed by others/);
  await refused('flat', /not executable/);
  await refused('link', /is not a file/);
  await refused('folder', /is not a file/);
  await refused('missing', /There is no .*missing/);
  await refused('../outside', /no name of a hook/);
  await chmod(place.hooks, 0o777);
  await hook('fine', SAY);
  await refused('fine', /hooks can be changed by others/);
});

t.test('the second command of a run that a crash has ended runs at the next start, once', async (t) => {
  const { place, told, hook, said, failed } = await placeFor(t);
  await hook('go', SAY);
  await mkdir(place.pendingHooks);
  const pending = { ...SUBJECT, after: 'go', seconds: 10 };
  await writeFile(join(place.pendingHooks, 'a.json'), JSON.stringify(pending));
  await writeFile(join(place.pendingHooks, 'b.json'), '{"after":');
  await writeFile(join(place.pendingHooks, 'c.json'), JSON.stringify({ ...pending, after: 'gone' }));
  await runPendingHooks(place, told);
  await runPendingHooks(place, told);
  t.same(await said(), ['go after db run-id failed']);
  t.match(failed, [{ code: 'state-damaged' }, { code: 'hook-unfit' }]);
  t.same(await readdir(place.pendingHooks), []);
});
