import { type Static, type TSchema, Type } from 'typebox';
import { LONGEST_BANDWIDTH } from '../bandwidth/calendar.ts';
import { FailureFields } from '../control/fields.ts';
import { ProgressFields } from '../control/tasks.ts';

/** What a thing may be called: it stands in paths, metric labels and command lines. */
export const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 64 });

/** Name or id of a thing, wherever one is asked for. */
export const Reference = Type.String({ minLength: 1, maxLength: 64 });

export const Id = Type.String({ description: 'UUID' });
export const Time = Type.String({ format: 'date-time' });
const Counter = Type.Integer({ minimum: 0 });
export const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });

export const Bandwidth = Type.String({
  minLength: 1,
  maxLength: LONGEST_BANDWIDTH,
  description:
    'a rate, MiB a second or with K, M, G, and rules for days and hours in the time zone of the Director, of which the last ' +
    'that applies counts: 20M; mon-fri 08:00-18:00 2M; sun unlimited',
});
export const BandwidthChange = Type.Union([Bandwidth, Type.Null()], { description: 'null: no limit' });

/** A thing named in another. */
export const Named = Type.Object({ id: Id, name: Type.String() });
export type Named = Static<typeof Named>;

// Answers are open objects, so that an older client can read a newer Director; requests are closed.
export const ProgressResource = Type.Object(ProgressFields.properties);
export const FailureResource = Type.Object(FailureFields.properties);

/** Whether the Director keeps the wrapped hash of a password, or asks for the password each time. */
export const Keep = Type.Union([Type.Literal('hash'), Type.Literal('never')]);

export const EncryptionMode = Type.Union([Type.Literal('in-flight'), Type.Literal('source-side')]);
export const TransporterRole = Type.Union([Type.Literal('source'), Type.Literal('target'), Type.Literal('agent')]);
export type TransporterRole = Static<typeof TransporterRole>;
export const OverwriteRule = Type.Union([Type.Literal('never'), Type.Literal('older'), Type.Literal('always')]);

export const ById = closed({ id: Reference });

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'items a page; 100 when left out' })),
  cursor: Type.Optional(Type.String({ maxLength: 8192, description: '`next` of the page before' })),
};

/** One page of a list; `next` is there when more follows. */
export function page<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), next: Type.Optional(Type.String()) });
}

export function closed<P extends Record<string, TSchema>>(fields: P) {
  return Type.Object(fields, { additionalProperties: false });
}

export { Counter };

/** RFC 9457 problem document with the code and the advice of the failure. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  kind: FailureFields.properties.kind,
  detail: Type.String(),
  advice: Type.String(),
});
export type Problem = Static<typeof Problem>;
