import { type Static, Type } from 'typebox';

/** How a source is read, beside what is left out by name. What is not there is off. */
export const readingFields = {
  /** `auto`, where it is left out: a snapshot where there can be one; `snapshot`: or the run fails; `none`: none is taken. */
  consistency: Type.Optional(
    Type.Union([Type.Literal('auto'), Type.Literal('snapshot'), Type.Literal('none')], {
      description: 'auto: from a snapshot where there can be one; snapshot: or not at all; none: as it is',
    }),
  ),
  /** Folders tagged with CACHEDIR.TAG are kept with their tag alone. */
  excludeCaches: Type.Optional(Type.Boolean({ description: 'folders with a CACHEDIR.TAG are kept with it alone' })),
  /** Folders on other filesystems than the source are kept without what is in them. */
  oneFileSystem: Type.Optional(Type.Boolean({ description: 'folders on other filesystems are kept empty' })),
};

export const ReadingRules = Type.Object(readingFields, { additionalProperties: false });
export type ReadingRules = Static<typeof ReadingRules>;
