import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type RestoreWarning, TreeWriter } from '@sealift/workloads';
import t from 'tap';
import { runAsNobody } from './fixtures/nobody.ts';
import { differences, entriesOf, fill, isRoot, temporaryFolder, walkAll } from './fixtures/trees.ts';

t.test('several threads write files into folders that one of them makes and settles', async (t) => {
  const from = temporaryFolder(t);
  const to = temporaryFolder(t);
  for (let i = 0; i < 40; i++) fill(from, { [`d${i % 7}/e${i % 3}/file${i}`]: `content ${i}` });
  const warnings: (RestoreWarning | string)[] = [];
  // Node warns of files that a worker closes without having opened them: it would not close them at its end either.
  const onNodeWarning = (warning: Error) => warnings.push(warning.message);
  process.on('warning', onNodeWarning);
  t.teardown(() => process.off('warning', onNodeWarning));
  const onWarning = (warning: RestoreWarning) => warnings.push(warning);
  using owner = new TreeWriter(to, { overwrite: 'never', special: true, onWarning });
  const entries = entriesOf(walkAll(from));
  for (const entry of entries) if (entry.kind === 'directory') owner.makeDirectory(entry);
  const files = entries.filter((entry) => entry.kind === 'file');
  const workers = [0, 1].map((half) => {
    const mine = files.filter((_, i) => i % 2 === half);
    const program = new URL('./fixtures/writing-worker.ts', import.meta.url);
    const worker = new Worker(program, { workerData: { destination: to, files: mine } });
    return worker.on('message', (warning: string) => warnings.push(warning));
  });
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  owner.finish();
  t.strictSame(warnings, []);
  t.strictSame(differences(from, join(to, 'root')), []);
});

t.test('without privileges a tree is restored as one’s own, and that is said once', { skip: !isRoot }, async (t) => {
  const from = temporaryFolder(t);
  const to = temporaryFolder(t);
  fill(from, { 'd/one': '1', 'd/two': '2' });
  for (const path of [from, to]) chmodSync(path, path === to ? 0o777 : 0o755);
  chmodSync(join(from, 'd/one'), 0o4755);
  const { warnings } = runAsNobody('copy', from, to);
  t.strictSame(
    warnings.map((warning) => warning.code),
    ['special-skipped', 'owner-kept'],
  );
  t.strictSame(differences(from, join(to, 'root')), [
    '.: owner',
    'd: owner',
    'd/one: mode',
    'd/one: owner',
    'd/two: owner',
  ]);
});
