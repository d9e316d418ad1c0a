import { ByteReader } from './byte-reader.ts';
import { MAX_ASK_IDS } from './messages.ts';

/** "Which of these do you have?" `ids` are 32 bytes each, laid end to end. */
export interface Ask {
  request: number;
  ids: Buffer;
}

export type Presence =
  | { state: 'missing' }
  | { state: 'chunk' }
  | {
      state: 'member' /** Id of the bundle. */;
      bundle: Buffer /** Place within the bundle, from 0. */;
      ordinal: number;
    };

/** One presence for each id of the ASK with the same request number, in the same order. */
export interface Answer {
  request: number;
  answers: Presence[];
}

const MISSING = 0;
const CHUNK = 1;
const MEMBER = 2;
const MEMBER_LENGTH = 37;

/** u32 request, ids. */
export function encodeAsk(ask: Ask): Buffer[] {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(ask.request);
  return [head, ask.ids];
}

export function decodeAsk(payload: Buffer): Ask {
  const reader = new ByteReader('ASK', payload);
  return { request: reader.u32(), ids: reader.ids(1, MAX_ASK_IDS) };
}

/** u32 request, then for each id: u8 0 missing | 1 chunk | 2 member, bundle id 32, u32 ordinal. */
export function encodeAnswer(answer: Answer): Buffer[] {
  const length = answer.answers.reduce((sum, one) => sum + (one.state === 'member' ? MEMBER_LENGTH : 1), 4);
  const bytes = Buffer.allocUnsafe(length);
  let at = bytes.writeUInt32BE(answer.request);
  for (const one of answer.answers) {
    if (one.state === 'member') {
      at = bytes.writeUInt8(MEMBER, at);
      bytes.set(one.bundle, at);
      at = bytes.writeUInt32BE(one.ordinal, at + 32);
    } else {
      at = bytes.writeUInt8(one.state === 'chunk' ? CHUNK : MISSING, at);
    }
  }
  return [bytes];
}

export function decodeAnswer(payload: Buffer): Answer {
  const reader = new ByteReader('ANSWER', payload);
  const request = reader.u32();
  const answers: Presence[] = [];
  while (reader.left > 0) {
    if (answers.length === MAX_ASK_IDS) reader.violated(`more than ${MAX_ASK_IDS} answers`);
    answers.push(readPresence(reader));
  }
  return { request, answers };
}

function readPresence(reader: ByteReader): Presence {
  const state = reader.u8();
  if (state === MISSING) return { state: 'missing' };
  if (state === CHUNK) return { state: 'chunk' };
  if (state === MEMBER) return { state: 'member', bundle: reader.bytes(32), ordinal: reader.u32() };
  return reader.violated(`the state ${state} is unknown`);
}
