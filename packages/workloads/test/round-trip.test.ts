import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo, setMtime, setXattr } from '@sealift/workloads';
import fc from 'fast-check';
import t from 'tap';
import { bytes, copyTree, differences, temporaryFolder } from './fixtures/trees.ts';

interface Node {
  kind: 'file' | 'directory' | 'symlink' | 'fifo' | 'hard link';
  /** Bytes of the name, 1 to 12 of them. */
  name: Uint8Array;
  /** Which of the folders so far it goes to, and which of the files so far it links to. */
  parent: number;
  content: Uint8Array;
  hole: number;
  mode: number;
  mtimeNs: bigint;
  xattr: Uint8Array | null;
}

const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f) && !/^\.{1,2}$/.test(Buffer.from(bytes).toString()));

const node: fc.Arbitrary<Node> = fc.record({
  kind: fc.constantFrom('file', 'file', 'directory', 'symlink', 'fifo', 'hard link'),
  name,
  parent: fc.nat(),
  content: fc.uint8Array({ maxLength: 300 }),
  hole: fc.constantFrom(0, 0, 4096, 200_000),
  mode: fc.integer({ min: 0, max: 0o777 }).map((mode) => mode | 0o600),
  mtimeNs: fc.bigInt({ min: -2_000_000_000_000_000_000n, max: 4_000_000_000_000_000_000n }),
  xattr: fc.option(fc.uint8Array({ maxLength: 40 })),
});

function pick<T>(items: T[], at: number): T {
  return items[at % items.length] as T;
}

function makeNode(path: Buffer, node: Node, files: Buffer[]): void {
  if (node.kind === 'directory') mkdirSync(path);
  else if (node.kind === 'symlink') symlinkSync(Buffer.from([0x2f, ...node.name]), path);
  else if (node.kind === 'fifo') makeFifo(path, 0o600);
  else if (node.kind === 'hard link' && files.length > 0) linkSync(pick(files, node.parent), path);
  else {
    writeFileSync(path, node.content);
    if (node.hole > 0) truncateSync(path, node.content.length + node.hole);
    files.push(path);
  }
}

function build(root: string, nodes: Node[]): void {
  const directories = [bytes(root)];
  const files: Buffer[] = [];
  const made: [Buffer, Node][] = [];
  for (const node of nodes) {
    const path = Buffer.concat([pick(directories, node.parent), bytes('/', [...node.name])]);
    if (made.some(([other]) => other.equals(path))) continue;
    makeNode(path, node, files);
    if (node.kind === 'directory') directories.push(path);
    made.push([path, node]);
  }
  for (const [path, node] of made.reverse()) complete(path, node);
}

/** Folders after their contents, which change their times. */
function complete(path: Buffer, node: Node): void {
  if (node.kind === 'file' || node.kind === 'directory') {
    if (node.xattr !== null) setXattr(path, bytes('user.generated'), Buffer.from(node.xattr));
    chmodSync(path, node.kind === 'directory' ? node.mode | 0o700 : node.mode);
  }
  setMtime(path, node.mtimeNs);
}

t.test('any tree comes back equal', async (t) => {
  const work = temporaryFolder(t);
  fc.assert(
    fc.property(fc.array(node, { maxLength: 25 }), (nodes) => {
      rmSync(work, { recursive: true, force: true });
      mkdirSync(join(work, 'from'), { recursive: true });
      build(join(work, 'from'), nodes);
      t.strictSame(copyTree(join(work, 'from'), join(work, 'to')), []);
      t.strictSame(differences(join(work, 'from'), join(work, 'to/root')), []);
    }),
    { numRuns: 60 },
  );
});
