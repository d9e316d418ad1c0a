import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { startTransporter } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

const CHILD = fileURLToPath(new URL('./transporter-child.ts', import.meta.url));

async function child(t: Test, stdio: ('pipe' | 'ignore' | 'inherit' | 'ipc')[]): Promise<ChildProcess> {
  const director = await DirectorStandIn.start();
  t.teardown(() => director[Symbol.asyncDispose]());
  const { config } = await director.enrolled(await folderFor(t), 'target');
  const process_ = spawn(process.execPath, [CHILD, JSON.stringify(config)], { stdio });
  t.teardown(() => process_.kill('SIGKILL'));
  await once(process_.stdout as Readable, 'data');
  return process_;
}

t.test('a Transporter ends itself when the channel to its parent closes', async (t) => {
  const transporter = await child(t, ['ignore', 'pipe', 'inherit', 'ipc']);
  const exit = once(transporter, 'exit');
  transporter.disconnect();
  t.same(await exit, [0, null]);
});

t.test('a Transporter without such a channel ends itself when its standard input closes', async (t) => {
  const transporter = await child(t, ['pipe', 'pipe', 'inherit']);
  const exit = once(transporter, 'exit');
  transporter.stdin?.end();
  t.same(await exit, [0, null]);
});

t.test('one data directory serves one process at a time', async (t) => {
  const director = await DirectorStandIn.start();
  t.teardown(() => director[Symbol.asyncDispose]());
  const { config } = await director.enrolled(await folderFor(t), 'source');
  const first = await startTransporter(config);
  await t.rejects(startTransporter(config), { code: 'data-in-use', kind: 'refused' });
  await first.close();
  const second = await startTransporter(config);
  await second.close();
});

t.test('a port that is taken is named', async (t) => {
  const director = await DirectorStandIn.start();
  t.teardown(() => director[Symbol.asyncDispose]());
  const { config: source } = await director.enrolled(await folderFor(t), 'source');
  const first = await startTransporter(source);
  t.teardown(() => first.close());
  const taken = Number(new URL(first.healthUrl).port);
  const { config: target } = await director.enrolled(await folderFor(t), 'target');
  await t.rejects(startTransporter({ ...target, healthPort: taken }), {
    code: 'port-in-use',
    message: new RegExp(`${taken}`),
  });
  await t.rejects(startTransporter({ ...target, dataPort: taken }), { code: 'port-in-use' });
  const sound = await startTransporter(target);
  await sound.close();
});

t.test('settings that make no sense are refused before anything is touched', async (t) => {
  const sound = { name: 'source', role: 'source' as const, data: '/nowhere/at/all' };
  for (const wrong of [
    { name: '../x' },
    { role: 'director' as never },
    { data: '' },
    { workers: 0 },
    { healthPort: 70_000 },
    { directorUrl: 'http://127.0.0.1' },
    { publicUrl: 'https://127.0.0.1' },
    { controlUrl: 'not a URL' },
  ]) {
    await t.rejects(startTransporter({ ...sound, ...wrong }), { code: 'configuration' }, JSON.stringify(wrong));
  }
});
