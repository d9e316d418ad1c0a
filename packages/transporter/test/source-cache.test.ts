import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startTransporter } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

/** Starts a source that keeps caches of two jobs, and tells which are left when its metrics say that. */
async function keptOf(t: Test, jobs: (known: string) => string[] | undefined, until: RegExp[]): Promise<string[]> {
  const director = await DirectorStandIn.start();
  t.teardown(() => director[Symbol.asyncDispose]());
  const { config } = await director.enrolled(await folderFor(t), 'source');
  const folder = join(config.data, 'source-cache');
  await mkdir(folder, { recursive: true });
  const [known, gone] = [randomUUID(), randomUUID()];
  writeFileSync(join(folder, known), 'known');
  writeFileSync(join(folder, gone), 'gone');
  writeFileSync(join(folder, `${known}.${randomUUID()}.tmp`), 'of a run that was cut off');
  director.jobs = jobs(known);
  const source = await startTransporter(config);
  t.teardown(() => source.close());
  for (let metrics = ''; !until.every((wanted) => wanted.test(metrics)); ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    metrics = await (await fetch(`${source.healthUrl}/metrics`)).text();
  }
  return readdirSync(folder).map((name) => (name === known ? 'known' : name === gone ? 'gone' : name));
}

t.test('what a source keeps for a job goes when the Director does not name the job any more', async (t) => {
  t.same(await keptOf(t, (known) => [known], [/^sealift_transporter_cache_bytes 5$/m]), ['known']);
});

const BOTH = [/^sealift_director_connected 1$/m, /^sealift_transporter_cache_bytes 9$/m];

t.test('a Director that does not tell takes nothing away', async (t) => {
  t.same((await keptOf(t, () => undefined, BOTH)).sort(), ['gone', 'known']);
});
