import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startTransporter } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

/** Starts a source that keeps caches of two jobs, and tells which are left once it has been greeted. */
async function keptOf(t: Test, jobs: (known: string) => string[] | undefined): Promise<string[]> {
  const director = await DirectorStandIn.start();
  t.teardown(() => director[Symbol.asyncDispose]());
  const { config } = await director.enrolled(await folderFor(t), 'source');
  const folder = join(config.data, 'source-cache');
  await mkdir(folder, { recursive: true });
  const [known, gone] = [randomUUID(), randomUUID()];
  for (const [job, name] of [
    [known, 'known'],
    [gone, 'gone'],
  ] as const)
    writeFileSync(join(folder, job), name);
  writeFileSync(join(folder, `${known}.${randomUUID()}.tmp`), 'of a run that was cut off');
  director.jobs = jobs(known);
  const source = await startTransporter(config);
  t.teardown(() => source.close());
  const metrics = async () => (await fetch(`${source.healthUrl}/metrics`)).text();
  while (!(await metrics()).includes('sealift_director_connected 1'))
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.match(await metrics(), new RegExp(`sealift_transporter_cache_bytes ${existsSync(join(folder, gone)) ? 9 : 5}`));
  return readdirSync(folder).map((name) => (name === known ? 'known' : name === gone ? 'gone' : name));
}

t.test('what a source keeps for a job goes when the Director does not name the job any more', async (t) => {
  t.same(await keptOf(t, (known) => [known]), ['known']);
});

t.test('a Director that does not tell takes nothing away', async (t) => {
  t.same((await keptOf(t, () => undefined)).sort(), ['gone', 'known']);
});
