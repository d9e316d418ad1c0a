import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProtectionMode, Repository } from '@sealift/repository';
import type { ArchiveFormat, DownloadPart, EntryFilter } from '@sealift/wire';
import t from 'tap';
import { download, findEntries, listEntries } from '../src/index.ts';
import { type Pair, pair } from './pair.ts';
import { noise } from './sources.ts';

const NEVER = new AbortController().signal;
const GIB = 2 ** 30;

function makeFiles(at: string): void {
  mkdirSync(join(at, 'etc/nginx'), { recursive: true });
  mkdirSync(join(at, 'srv/many'), { recursive: true });
  writeFileSync(join(at, 'etc/nginx/nginx.conf'), 'server {}\n');
  for (let i = 0; i < 700; i++) writeFileSync(join(at, 'srv/many', `file-${i}`), `content of ${i}\n`);
  writeFileSync(join(at, 'srv/large'), noise('large', 5_000_000));
  writeFileSync(join(at, 'srv/sparse'), '');
  truncateSync(join(at, 'srv/sparse'), 3_000_000);
  writeFileSync(join(at, 'srv/sparse'), 'end', { flag: 'a' });
  symlinkSync('nginx/nginx.conf', join(at, 'etc/link'));
}

/** An ext4 that takes all of a disk. */
function makeImage(path: string, from: string, size: number): void {
  writeFileSync(path, '');
  truncateSync(path, size);
  execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=1,lazy_journal_init=1', '-d', from, path]);
}

async function get(
  both: Pair,
  [pointId, mode]: [string, ProtectionMode],
  inside: string,
  format: ArchiveFormat = 'auto',
): Promise<{ bytes: Buffer; warnings: DownloadPart[] }> {
  const parts: DownloadPart[] = [];
  const place = { path: Buffer.from('vm.raw'), inside: Buffer.from(inside) };
  await download({ ...both.lookAt(pointId, mode), ...place, format }, NEVER, async (given) => {
    parts.push(...(await Array.fromAsync(given)));
  });
  const bytes = Buffer.concat(parts.flatMap((part) => (part.kind === 'data' ? [part.bytes] : [])));
  return { bytes, warnings: parts.filter(({ kind }) => kind === 'warning') };
}

/** Counts what is read of it. */
function counting(repository: Repository): { repository: Repository; bytes: number } {
  const counted = { repository, bytes: 0 };
  counted.repository = new Proxy(repository, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const result: unknown = await Reflect.apply(value, target, args);
        const { body } = (result ?? {}) as { body?: unknown };
        if (Buffer.isBuffer(body)) counted.bytes += body.length;
        return result;
      };
    },
  });
  return counted;
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(
    `one file of a disk of 10 GiB (${mode}) is listed, found and downloaded, and little else is read`,
    async (t) => {
      await using both = await pair();
      const from = join(both.folder, 'files');
      makeFiles(from);
      const image = join(both.folder, 'vm.raw');
      makeImage(image, from, 10 * GIB);
      const { pointId } = await both.backup([image], mode);
      const counted = counting(both.repository);
      both.served = counted.repository;
      const started = performance.now();
      const { bytes } = await get(both, [pointId, mode], 'etc/nginx/nginx.conf');
      t.comment(
        `from the request to its bytes: ${Math.round(performance.now() - started)} ms, ${counted.bytes} bytes read`,
      );
      t.equal(bytes.toString(), 'server {}\n');
      t.ok(counted.bytes > 0 && counted.bytes < 2_000_000, `${counted.bytes} bytes are read of the repository`);

      const place = { path: Buffer.from('vm.raw'), limit: 100 };
      const at = both.lookAt(pointId, mode);
      const top = await listEntries({ ...at, ...place, inside: Buffer.alloc(0) }, NEVER);
      t.same(
        top.entries.map(({ path }) => path.toString()),
        ['etc', 'lost+found', 'srv'],
      );
      const many: string[] = [];
      for (let cursor: Buffer | undefined, first = true; first || cursor !== undefined; first = false) {
        const more = cursor === undefined ? {} : { cursor };
        const { entries, next } = await listEntries(
          { ...at, ...place, inside: Buffer.from('srv/many'), ...more },
          NEVER,
        );
        many.push(...entries.map(({ path }) => path.toString()));
        cursor = next;
      }
      t.same(many, Array.from({ length: 700 }, (_, i) => `srv/many/file-${i}`).sort(), 'page by page');
      const find = async (filter: EntryFilter, inside = '') =>
        (await findEntries({ ...at, ...place, inside: Buffer.from(inside), filter }, NEVER)).entries.map((entry) =>
          entry.path.toString(),
        );
      t.same(await find({ name: '*.conf' }), ['etc/nginx/nginx.conf']);
      t.same(await find({ larger: 1_000_000 }, 'srv'), ['srv/large', 'srv/sparse']);
      t.same(await find({ kind: 'symlink' }), ['etc/link']);
      await t.rejects(find({}, 'etc/nowhere'), { code: 'not-found' });
      await t.rejects(get(both, [pointId, mode], 'etc/nowhere'), { code: 'not-found' });

      const { bytes: large } = await get(both, [pointId, mode], 'srv/large');
      t.ok(large.equals(noise('large', 5_000_000)));
      const archive = await get(both, [pointId, mode], 'srv', 'tar');
      const to = join(both.folder, 'extracted');
      mkdirSync(to);
      execFileSync('tar', ['-x', '-C', to], { input: archive.bytes });
      t.ok(readFileSync(join(to, 'srv/sparse')).equals(readFileSync(join(from, 'srv/sparse'))));
      t.equal(readFileSync(join(to, 'srv/many/file-99'), 'utf8'), 'content of 99\n');
      t.same(archive.warnings, []);
      t.ok(archive.bytes.length < 7_000_000, 'holes take no room');
    },
  );
}

t.test(
  'a folder that leads back to one above it, and one that is damaged, are named, and the rest is there',
  async (t) => {
    await using both = await pair();
    const from = join(both.folder, 'files');
    makeFiles(from);
    const image = join(both.folder, 'vm.raw');
    makeImage(image, from, GIB / 16);
    const loops = [
      'cd srv/many',
      'unlink file-1',
      'ln /srv file-1',
      'clri /etc/nginx/nginx.conf',
      'sif /etc/nginx bmap[0] 7',
      'sif /etc/nginx block[2] 0',
    ];
    execFileSync('debugfs', ['-w', '-f', '-', image], {
      input: `${loops.join('\n')}\n`,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const { pointId } = await both.backup([image], 'in-flight');
    const { bytes, warnings } = await get(both, [pointId, 'in-flight'], '', 'tar');
    const names = execFileSync('tar', ['-t'], { input: bytes, encoding: 'utf8' }).split('\n');
    t.ok(names.includes('srv/many/file-2'));
    t.ok(names.includes('srv/large'));
    t.match(
      warnings.map(({ kind, ...warning }) => ('code' in warning ? `${warning.path} ${warning.code}` : kind)).sort(),
      ['etc/nginx filesystem-damaged', 'srv/many/file-1 folder-loop'],
    );
  },
);

t.test('what is no disk that can be looked into is refused with the reason', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  mkdirSync(source);
  writeFileSync(join(source, 'vm.raw'), noise('no disk', 3_000_000));
  writeFileSync(join(both.folder, 'vm.raw'), noise('no disk', 3_000_000));
  const { pointId } = await both.backup([join(both.folder, 'vm.raw'), source], 'in-flight');
  await t.rejects(get(both, [pointId, 'in-flight'], 'etc'), {
    code: 'filesystem-unreadable',
    message: /no partition table/,
  });
  const look = (path: string) =>
    listEntries(
      { ...both.lookAt(pointId, 'in-flight'), path: Buffer.from(path), inside: Buffer.alloc(0), limit: 1 },
      NEVER,
    );
  await t.rejects(look('data'), { code: 'not-a-disk' });
  await t.rejects(look('nowhere'), { code: 'not-found' });
});
