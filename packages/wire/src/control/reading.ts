import { type Static, Type } from 'typebox';

const HookName = Type.String({
  pattern: '^([A-Za-z0-9][A-Za-z0-9._-]*)?$',
  maxLength: 64,
  description: 'name of a program in the folder of hooks of the Transporter; empty: none',
});

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
  /**
   * Programs in the folder of hooks of the Transporter that run before and after a backup; empty: none. Only their names
   * are told: what they do, and that they are there, is for the administrator of that machine.
   */
  before: Type.Optional(HookName),
  after: Type.Optional(HookName),
  /** Longest time that each may take. */
  hookSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 86_400, description: 'for each command; 300 without' }),
  ),
};

export const ReadingRules = Type.Object(readingFields, { additionalProperties: false });
export type ReadingRules = Static<typeof ReadingRules>;
