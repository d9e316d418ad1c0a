import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type DiskFile, type FoundEntry, openDiskContents, type ReadableDisk } from '@sealift/workloads';
import t from 'tap';
import { FileDisk, MemoryDisk, seeded } from './fixtures/file-disk.ts';
import { entriesOf, isRoot, temporaryFolder, walkAll } from './fixtures/trees.ts';

const MIB = 1 << 20;
const NEVER = new AbortController().signal;
const folder = temporaryFolder(t);
const tree = join(folder, 'tree');

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

/** What a filesystem has to keep, and what tells its kinds of maps and folders apart. */
function makeTree(): void {
  mkdirSync(join(tree, 'etc/deep/er'), { recursive: true });
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost\n');
  writeFileSync(join(tree, 'etc/empty'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/odd-`), Buffer.of(0xff, 0x0a)]), 'odd name');
  for (let i = 0; i < 600; i++)
    writeFileSync(join(tree, 'etc/deep', `file-${i}-with-a-long-name-${'x'.repeat(i % 50)}`), `${i}`);
  writeFileSync(join(tree, 'large'), Buffer.alloc(3 * MIB + 17).fill('a line of the file\n'));
  writeFileSync(join(tree, 'sparse'), '');
  truncateSync(join(tree, 'sparse'), 5_000_000);
  const noise = execFileSync('head', ['-c', '12288', '/dev/urandom']);
  writeFileSync(join(tree, 'sparse'), noise, { flag: 'a' });
  truncateSync(join(tree, 'sparse'), 9_000_000);
  writeFileSync(join(tree, 'sparse'), 'end', { flag: 'a' });
  symlinkSync('etc/hosts', join(tree, 'short link'));
  symlinkSync(`/nowhere/${'far/'.repeat(60)}`, join(tree, 'long link'));
  chmodSync(join(tree, 'etc/hosts'), 0o4751);
  run('setfattr', '-n', 'user.note', '-v', 'kept', join(tree, 'etc/hosts'));
  run('setfattr', '-n', 'user.long', '-v', 'v'.repeat(500), join(tree, 'etc/hosts'));
  run('setfacl', '-m', 'u:4711:rw', join(tree, 'etc/empty'));
  utimesSync(join(tree, 'large'), 1_234_567_890, 1_234_567_890);
  if (isRoot) run('mknod', join(tree, 'null'), 'c', '1', '3');
}

makeTree();

function image(name: string, size: number, ...mkfs: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, size);
  run(mkfs[0] as string, ...mkfs.slice(1), path);
  return path;
}

async function contentOf(disk: FileDisk, file: DiskFile): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const stretch of file.content()) {
    if (stretch.kind === 'hole') parts.push(Buffer.alloc(stretch.length));
    else if (stretch.kind === 'bytes') parts.push(stretch.bytes);
    else for await (const { data } of disk.read(stretch.offset, stretch.length)) parts.push(data as Buffer);
  }
  return Buffer.concat(parts);
}

/** Every file of a disk by its path in latin1. */
async function filesOf(top: DiskFile, path = ''): Promise<Map<string, DiskFile>> {
  const files = new Map<string, DiskFile>();
  for await (const { name, open } of top.names()) {
    const file = await open();
    const at = `${path}${name.toString('latin1')}`;
    files.set(at, file);
    if (file.metadata.kind !== 'directory') continue;
    for (const [below, found] of await filesOf(file, `${at}/`)) files.set(below, found);
  }
  return files;
}

/** What is compared of an entry; times in seconds, for that is what mkfs keeps. */
function shown({
  kind,
  mode,
  uid,
  gid,
  size,
  mtimeNs,
  linkTarget,
  device,
  xattrs,
}: Omit<FoundEntry, 'path' | 'source'>) {
  const attributes = (xattrs ?? []).map(([name, value]) => `${name.toString()}=${value.toString('hex')}`);
  const target = linkTarget?.toString('latin1');
  return { kind, mode, uid, gid, size, seconds: `${mtimeNs / 1_000_000_000n}`, target, device, attributes };
}

/** What is not as in the tree, of what it has. */
async function differences(path: string, prefix = ''): Promise<unknown[]> {
  using disk = new FileDisk(path);
  const files = await filesOf(await openDiskContents(disk, NEVER));
  const found: unknown[] = [];
  for (const entry of entriesOf(walkAll(tree)).slice(1)) {
    const at = `${prefix}${entry.path.toString('latin1').slice('root/'.length)}`;
    const file = files.get(at);
    if (file === undefined || !isDeepStrictEqual(shown(file.metadata), shown(entry))) {
      found.push([at, file === undefined ? 'missing' : shown(file.metadata), shown(entry)]);
    } else if (entry.kind === 'file' && !(await contentOf(disk, file)).equals(readFileSync(entry.source.path))) {
      found.push([at, 'content']);
    }
  }
  return found;
}

const EXT: [name: string, ...args: string[]][] = [
  ['ext2 of small blocks', 'mkfs.ext2', '-b', '1024'],
  ['ext3', 'mkfs.ext3', '-b', '4096'],
  ['ext4', 'mkfs.ext4'],
  ['ext4 of small blocks, 32 bits', 'mkfs.ext4', '-b', '1024', '-O', '^64bit'],
  ['ext4 with contents in inodes', 'mkfs.ext4', '-O', 'inline_data', '-I', '512'],
  ['ext4 with clusters', 'mkfs.ext4', '-O', 'bigalloc'],
  ['ext4 with scattered descriptors', 'mkfs.ext4', '-b', '1024', '-O', 'meta_bg,^resize_inode', '-g', '1024'],
];

for (const [name, mkfs, ...args] of EXT) {
  t.test(`files in an ${name} are read as they are`, async (t) => {
    const path = image(`${name}.img`, 64 * MIB, mkfs as string, '-q', '-d', tree, ...args);
    t.same(await differences(path), []);
  });
}

/** A disk with these partitions, 16 MiB each, as sfdisk is told of them. */
function partitioned(name: string, table: string, parts: [start: number, path: string][]): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, 128 * MIB);
  execFileSync('sfdisk', ['--quiet', path], { input: table });
  for (const [start, part] of parts) {
    run('dd', `if=${part}`, `of=${path}`, 'bs=1M', `seek=${start}`, 'conv=notrunc,sparse', 'status=none');
  }
  return path;
}

const FAT_NAMES = ['LONG NAME with spaces.text', 'umlaut-äöü-€.txt', 'SHORT.TXT', 'lower.txt'];

function fat(name: string, size: number, ...args: string[]): string {
  const path = image(name, size, 'mkfs.vfat', ...args);
  const from = join(folder, `${name}-files`);
  mkdirSync(join(from, 'EFI/debian'), { recursive: true });
  for (const file of FAT_NAMES) writeFileSync(join(from, 'EFI/debian', file), `content of ${file}\n`.repeat(2000));
  run('mcopy', '-s', '-m', '-i', path, join(from, 'EFI'), '::/');
  return path;
}

for (const [bits, ...args] of [
  ['12', '-F', '12'],
  ['16', '-F', '16'],
  ['32', '-F', '32', '-s', '1'],
] as const) {
  t.test(`files in a FAT of ${bits} bits are read by their long names`, async (t) => {
    using disk = new FileDisk(fat(`fat${bits}`, bits === '12' ? 4 * MIB : 48 * MIB, ...args));
    const files = await filesOf(await openDiskContents(disk, NEVER));
    for (const name of FAT_NAMES) {
      const file = files.get(Buffer.from(`EFI/debian/${name}`).toString('latin1'));
      if (file === undefined) throw new Error(`${name} is not among ${[...files.keys()]}`);
      t.equal((await contentOf(disk, file)).toString(), `content of ${name}\n`.repeat(2000));
      t.match(file.metadata, { kind: 'file', mode: 0o644 });
    }
    t.equal(files.size, FAT_NAMES.length + 2);
  });
}

t.test('the partitions of a GPT and of an MBR with logical ones are told by their numbers and types', async (t) => {
  const ext = image('part.img', 16 * MIB, 'mkfs.ext4', '-q', '-d', tree);
  const efi = fat('efi.img', 16 * MIB);
  const swap = image('swap.img', 16 * MIB, 'mkswap', '-q');
  const size = 'size=16MiB';
  const gpt = `label: gpt\nstart=1MiB,${size}\nstart=17MiB,${size}\nstart=33MiB,${size}\nstart=49MiB,${size}\n`;
  const extended = `label: dos\nstart=1MiB,${size},type=ef\nstart=18MiB,size=100MiB,type=5\nstart=19MiB,${size}\nstart=36MiB,${size},type=82\n`;
  const disks = [
    [
      '4',
      partitioned('gpt.img', gpt, [
        [1, efi],
        [33, swap],
        [49, ext],
      ]),
    ],
    [
      '5',
      partitioned('mbr.img', extended, [
        [1, efi],
        [19, ext],
        [36, swap],
      ]),
    ],
  ] as const;
  for (const [number, path] of disks) {
    using disk = new FileDisk(path);
    const top = await openDiskContents(disk, NEVER);
    const types: Record<string, unknown> = {};
    for await (const { name, open } of top.names()) {
      const { filesystem, metadata } = await open();
      types[name.toString()] = [filesystem, metadata.kind];
    }
    const [linux, fat32, swapped] = [
      ['ext4', 'directory'],
      ['fat16', 'directory'],
      ['swap', 'file'],
    ];
    const expected =
      number === '4' ? { 1: fat32, 2: ['unknown', 'file'], 3: swapped, 4: linux } : { 1: fat32, 5: linux, 6: swapped };
    t.same(types, expected);
    t.same(await differences(path, `${number}/`), []);
  }
});

t.test('an ext4 that was not unmounted is read as its journal has it', async (t) => {
  const path = image('journal.img', 32 * MIB, 'mkfs.ext4', '-q', '-b', '4096', '-d', tree);
  // The block of the inode of a file, changed in the journal alone; and one more change that was not committed.
  const where = run('debugfs', '-R', 'imap etc/hosts', path).match(/located at block (\d+), offset 0x([0-9a-f]+)/);
  const [, block = '', offset = ''] = where ?? [];
  const at = Number(block) * 4096;
  const changed = Buffer.from(readFileSync(path).subarray(at, at + 4096));
  changed.writeUInt32LE(1_000_000_000, Number.parseInt(offset, 16) + 16);
  writeFileSync(join(folder, 'block'), changed);
  execFileSync('debugfs', ['-w', '-f', '-', path], {
    input: `jo\njw -b ${block} ${join(folder, 'block')}\njc\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  t.match(run('dumpe2fs', '-h', path), /needs_recovery/);
  const timeOf = async () => {
    using disk = new FileDisk(path);
    const hosts = (await filesOf(await openDiskContents(disk, NEVER))).get('etc/hosts');
    return (hosts?.metadata.mtimeNs ?? 0n) / 1_000_000_000n;
  };
  t.equal(await timeOf(), 1_000_000_000n);
  spawnSync('e2fsck', ['-fy', path]);
  t.notMatch(run('dumpe2fs', '-h', path), /needs_recovery/);
  t.equal(await timeOf(), 1_000_000_000n, 'the same when the journal was replayed');
});

t.test('whatever stands on a disk, looking at it ends, in order or with a failure that says so', async (t) => {
  const whole = readFileSync(
    image('fuzz.img', 4 * MIB, 'mkfs.ext4', '-q', '-b', '1024', '-O', 'inline_data', '-I', '256'),
  );
  const fatImage = readFileSync(fat('fuzz-fat.img', MIB));
  const random = seeded(t.name);
  const ends: Record<string, number> = {};
  for (let i = 0; i < 300; i++) {
    const disk = Buffer.from(i % 3 === 0 ? fatImage : whole);
    for (let flips = 0; flips < 1 + (i % 40); flips++) disk[random(Math.min(disk.length, 400_000))] = random(256);
    const end = await lookedThrough(new MemoryDisk(disk));
    ends[end] = (ends[end] ?? 0) + 1;
  }
  t.same(
    Object.keys(ends).filter((end) => !['order', 'filesystem-damaged', 'filesystem-unreadable'].includes(end)),
    [],
  );
});

/** Code of the failure that ended it. */
async function lookedThrough(disk: ReadableDisk): Promise<string> {
  try {
    let seen = 0;
    for await (const _ of somethingOf(await openDiskContents(disk, NEVER))) if (++seen > 3000) break;
    return 'order';
  } catch (thrown) {
    const { code, message } = thrown as Error & { code: string };
    return code.startsWith('filesystem') ? code : `${code} ${message}`;
  }
}

/** Without end where folders lead back: it is for whoever walks to find that out. */
async function* somethingOf(file: DiskFile): AsyncGenerator<unknown> {
  if (file.metadata.kind !== 'directory') yield* file.content();
  else {
    for await (const { name, open } of file.names()) {
      yield name;
      yield* somethingOf(await open());
    }
  }
}
