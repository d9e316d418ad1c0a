import { type Static, Type } from 'typebox';
import { ArchiveFormat } from '../download/format.ts';
import { closed, Reference } from './fields.ts';

/** POST; answers with a sealed stream instead of a document, so it does not stand in the table of operations. */
export const DOWNLOAD_PATH = '/api/v1/points/:id/download';
export const DOWNLOAD_TYPE = 'application/vnd.sealift.download';

export const DownloadRequest = closed({
  path: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'file or folder in the point' })),
  pathBytes: Type.Optional(Type.String({ maxLength: 5462, description: 'the same in base64url, for any bytes' })),
  inside: Type.Optional(Type.String({ maxLength: 4096, description: 'path on the disk that `path` names' })),
  insideBytes: Type.Optional(Type.String({ maxLength: 5462, description: 'the same in base64url, for any bytes' })),
  format: Type.Optional(ArchiveFormat),
  publicKey: Type.String({
    pattern: '^[A-Za-z0-9_-]{1622}$',
    description: 'X-Wing public key that the answer is sealed to, base64url',
  }),
  transporter: Type.Optional(Reference),
});
export type DownloadRequest = Static<typeof DownloadRequest>;
