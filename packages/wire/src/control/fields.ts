import { type TSchema, Type } from 'typebox';

/** Bytes of a bounded length. msgpack `bin`; a Buffer on both sides. */
export function bytes(longest: number, shortest = 0) {
  return Type.Refine(
    Type.Unsafe<Buffer>({}),
    (value) => Buffer.isBuffer(value) && value.length >= shortest && value.length <= longest,
    () => (shortest === longest ? `must be ${longest} bytes` : `must be ${shortest} to ${longest} bytes`),
  );
}

/** Lower-case UUID in its usual text form. */
export const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });

export const text = (longest: number) => Type.String({ maxLength: longest });

/** A count or a number of bytes. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Milliseconds since 1970. */
export const Instant = Count;

/** An object with these fields and no others. */
export function record<P extends Record<string, TSchema>>(fields: P) {
  return Type.Object(fields, { additionalProperties: false });
}

/** A path as the file system knows it, at most what Linux accepts in one call. */
export const PathBytes = bytes(4096);
export const Digest = bytes(32, 32);

/** Of a certificate, upper-case hexadecimal. */
export const Serial = Type.String({ pattern: '^[0-9A-F]{1,40}$' });

export const Mode = Type.Union([Type.Literal('in-flight'), Type.Literal('source-side')]);
export const Role = Type.Union([Type.Literal('source'), Type.Literal('target'), Type.Literal('agent')]);
export const Overwrite = Type.Union([Type.Literal('never'), Type.Literal('older'), Type.Literal('always')]);

export const FailureFields = record({
  code: text(64),
  kind: Type.Union([Type.Literal('retry'), Type.Literal('corrupt'), Type.Literal('refused'), Type.Literal('bug')]),
  message: text(4096),
  advice: text(2048),
});
