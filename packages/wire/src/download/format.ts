import { type Static, Type } from 'typebox';

/** How what is downloaded is packed; `auto` is a file as it is, and a folder as tar. */
export const ArchiveFormat = Type.Union([
  Type.Literal('auto'),
  Type.Literal('file'),
  Type.Literal('tar'),
  Type.Literal('zip'),
]);
export type ArchiveFormat = Static<typeof ArchiveFormat>;
