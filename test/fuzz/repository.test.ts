import { randomBytes, randomUUID } from 'node:crypto';
import { createAuthority, createKeyAndRequest } from '@sealift/crypto';
import {
  decodeManifest,
  decodeNode,
  decodePage,
  decodeSegmentNode,
  decodeSegments,
  encodeManifest,
  encodeNode,
  encodePage,
  encodeSegmentNode,
  encodeSegments,
  type Manifest,
  openManifest,
  pageKind,
  sealManifest,
  type TreeEntry,
} from '@sealift/repository';
import t from 'tap';
import { MasterKeys } from '../../packages/repository/src/at-rest/master-keys.ts';
import { decodeConfig, encodeConfig } from '../../packages/repository/src/format/config.ts';
import { decodeKeyTable } from '../../packages/repository/src/format/key-table.ts';
import { decodeLeastLock, encodeLeastLock } from '../../packages/repository/src/format/least-lock.ts';
import { decodeFooter, encodeFooter } from '../../packages/repository/src/format/pack-footer.ts';
import { decodePackHeader, encodePackHeader } from '../../packages/repository/src/format/pack-header.ts';
import {
  checkRecordHeader,
  encodeRecordHeader,
  parseRecordHeader,
} from '../../packages/repository/src/format/pack-record.ts';
import { decodePointLock, encodePointLock } from '../../packages/repository/src/format/point-lock.ts';
import { decodeRemoval, encodeRemoval } from '../../packages/repository/src/format/removal.ts';
import { decodeZoneSecret, encodeZoneSecret } from '../../packages/repository/src/format/zone-secret.ts';
import { fuzz } from './mutations.ts';

const id = () => randomBytes(32);
const manifest: Manifest = {
  version: 1,
  pointId: randomUUID(),
  createdAt: Date.now(),
  mode: 'in-flight',
  zone: randomBytes(16),
  jobId: randomUUID(),
  sourceId: randomUUID(),
  sequence: 7,
  previous: id(),
  runs: [],
  references: { count: 9, hash: id() },
  body: id(),
};
const common = { mode: 0o644, uid: 1, gid: 2, mtimeNs: 1_700_000_000_123_456_789n, size: 0 };
const path = (text: string) => Buffer.from(text);
const entries: TreeEntry[] = [
  { ...common, path: path('root'), kind: 'directory' },
  {
    ...common,
    path: path('root/file'),
    kind: 'file',
    size: 30,
    xattrs: [[path('user.x'), path('value')]],
    content: {
      inline: [
        { kind: 'chunk', length: 10, id: id() },
        { kind: 'hole', length: 10 },
        { kind: 'member', length: 10, bundle: id(), ordinal: 3 },
      ],
    },
  },
  { ...common, path: path('root/link'), kind: 'symlink', linkTarget: path('file') },
  { ...common, path: path('root/tty'), kind: 'character', device: [4, 64] },
];

t.test('configs', async (t) => {
  await fuzz(
    t,
    [encodeConfig({ id: randomBytes(16), encrypted: false, dedupSecret: id(), createdAt: Date.now() })],
    decodeConfig,
  );
});

t.test('key tables', async (t) => {
  const keys = MasterKeys.create(randomBytes(16));
  const kdf = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4, salt: id() } as const;
  const kms = { provider: 'vault', keyRef: 'sealift', ciphertext: randomBytes(60) };
  const slots = [
    keys.slot({ id: randomBytes(16), kind: 'password', label: 'of the admins', kdf }, id()),
    keys.slot({ id: randomBytes(16), kind: 'kms', label: '', kms }, id()),
  ];
  const zoned = keys.withZone(randomBytes(16), id());
  await fuzz(
    t,
    [keys.encode(1, slots), keys.rotated().encode(2, slots.slice(1)), zoned.encode(3, slots)],
    decodeKeyTable,
  );
});

t.test('locks of recovery points, and those that a repository demands', async (t) => {
  const lock = { pointId: randomBytes(16), until: Date.now(), recordedAt: Date.now() };
  const held = { ...lock, hold: { reason: 'audit', since: Date.now() } };
  await fuzz(t, [encodePointLock(lock), encodePointLock(held)], decodePointLock);
  await fuzz(t, [encodeLeastLock({ period: 86_400_000, recordedAt: Date.now() })], decodeLeastLock);
});

t.test('secrets of zones', async (t) => {
  const secret = { repositoryId: randomBytes(16), zone: randomBytes(16), dedupSecret: id() };
  await fuzz(t, [encodeZoneSecret(secret)], decodeZoneSecret);
});

t.test('the log of removals', async (t) => {
  const [pointId, jobId, sourceId] = [randomBytes(16), randomBytes(16), randomBytes(16)];
  const times = { createdAt: 1, receivedAt: 2, removedAt: 3 };
  await fuzz(t, [encodeRemoval({ pointId, jobId, sourceId, hash: id(), ...times, reason: 'a rule' })], decodeRemoval);
});

const run = { runSalt: id(), epoch: 1, commitment: id() };
const header = { packId: randomBytes(16), zone: randomBytes(16), createdAt: Date.now() };

t.test('headers of packs', async (t) => {
  await fuzz(t, [encodePackHeader(header), encodePackHeader({ ...header, run })], decodePackHeader);
});

t.test('headers of records', async (t) => {
  const members = Buffer.concat([id(), id()]);
  const none = Buffer.alloc(0);
  const record = { id: id(), checksum: id(), bodyLength: 100 };
  const alone = encodeRecordHeader({ ...record, type: 1, memberCount: 0 }, none);
  await fuzz(t, [alone], (bytes) => checkRecordHeader(parseRecordHeader(bytes), bytes, none));
  const bundle = encodeRecordHeader({ ...record, type: 6, memberCount: 2 }, members);
  await fuzz(t, [bundle], (bytes) => checkRecordHeader(parseRecordHeader(bytes), bytes, members));
});

t.test('footers of packs', async (t) => {
  const entry = { id: id(), type: 1 as const, offset: 128, length: 500, checksum: id(), members: Buffer.alloc(0) };
  const footer = encodeFooter({ ...header, run }, [entry, { ...entry, id: id(), offset: 628 }], 1128);
  await fuzz(t, [footer], decodeFooter);
});

t.test('manifests', async (t) => {
  await fuzz(t, [encodeManifest(manifest)], decodeManifest);
});

t.test('recovery points', async (t) => {
  const [authority, { privateKey, request }] = await Promise.all([createAuthority(), createKeyAndRequest()]);
  const certificate = await authority.issueTransporter(request, manifest.sourceId, 'source');
  const identity = { id: manifest.sourceId, privateKey, certificate, authority: authority.certificate };
  await fuzz(t, [sealManifest(manifest, { identity })], (bytes) =>
    openManifest(bytes, { authority: authority.certificate }),
  );
});

t.test('pages of trees', async (t) => {
  const page = encodePage(entries);
  await fuzz(t, [page], (bytes) => {
    pageKind(bytes);
    decodePage(bytes);
  });
});

t.test('nodes of trees', async (t) => {
  const node = encodeNode({
    level: 1,
    children: [
      { id: id(), first: path('a') },
      { id: id(), first: path('b/c') },
    ],
  });
  await fuzz(t, [node], decodeNode);
});

t.test('pages and nodes of segments', async (t) => {
  const page = encodeSegments([
    { kind: 'chunk', length: 10, id: id() },
    { kind: 'hole', length: 5 },
  ]);
  await fuzz(t, [page], decodeSegments);
  await fuzz(t, [encodeSegmentNode({ level: 1, children: [{ length: 15, id: id() }] })], decodeSegmentNode);
});
