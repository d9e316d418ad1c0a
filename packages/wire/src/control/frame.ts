import { type Failure, type FailureRecord, failureFromRecord } from '@sealift/core';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { fail } from '../failures.ts';
import { FailureFields, record } from './fields.ts';
import { METHODS, type Method } from './methods.ts';
import { decodeMessage, encodeMessage } from './msgpack.ts';

/** Longest frame in bytes, both ways. */
export const MAX_CONTROL_FRAME = 1024 * 1024;

const Id = Type.Integer({ minimum: 1, maximum: 0xffff_ffff });
const request = Compile(
  record({ id: Type.Optional(Id), method: Type.String({ maxLength: 64 }), params: Type.Unknown() }),
);
const answer = Compile(record({ id: Id, result: Type.Unknown() }));
const refusal = Compile(record({ id: Id, failure: FailureFields }));

export type Frame =
  /** Without an id no answer is wanted. */
  | { kind: 'request'; id?: number; method: string; params: unknown }
  | { kind: 'answer'; id: number; result: unknown }
  | { kind: 'refusal'; id: number; failure: Failure };

export function decodeFrame(bytes: Buffer): Frame {
  const value = decodeMessage(bytes);
  if (request.Check(value)) return { kind: 'request', ...value };
  if (answer.Check(value)) return { kind: 'answer', ...value };
  if (refusal.Check(value)) return { kind: 'refusal', id: value.id, failure: failureFromRecord(value.failure) };
  throw fail('protocol-violation', 'A control message is neither a request nor an answer nor a refusal.');
}

export function encodeRequest(id: number | undefined, method: Method, params: unknown): Buffer {
  return bounded(encodeMessage({ id, method, params }), `the call ${method}`);
}

export function encodeAnswer(id: number, method: Method, result: unknown): Buffer {
  return bounded(encodeMessage({ id, result }), `the answer to ${method}`);
}

export function encodeRefusal(id: number, failure: Failure): Buffer {
  return encodeMessage({ id, failure: shortened(failure.toJSON()) });
}

function shortened(record: FailureRecord): FailureRecord {
  return {
    code: record.code.slice(0, 64),
    kind: record.kind,
    message: record.message.slice(0, 4096),
    advice: record.advice.slice(0, 2048),
  };
}

function bounded(frame: Buffer, what: string): Buffer {
  if (frame.length <= MAX_CONTROL_FRAME) return frame;
  throw fail('message-too-large', `${what} takes ${frame.length} bytes; ${MAX_CONTROL_FRAME} are allowed.`);
}

const validators = new Map(
  Object.entries(METHODS).map(([method, { params, result }]) => [
    method,
    { params: Compile(params), result: Compile(result) },
  ]),
);

/** Throws `protocol-violation` unless `value` is what the method says. */
export function checkFields(method: Method, part: 'params' | 'result', value: unknown): void {
  const validator = validators.get(method)?.[part];
  if (validator === undefined || validator.Check(value)) return;
  const [error] = validator.Errors(value);
  const where = error?.instancePath === '' ? 'it' : error?.instancePath;
  throw fail('protocol-violation', `The ${part} of ${method} are refused: ${where} ${error?.message}.`);
}

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}
