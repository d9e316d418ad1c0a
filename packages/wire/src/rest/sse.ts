import { StringDecoder } from 'node:string_decoder';
import { fail } from '../failures.ts';

export interface ServerSentEvent {
  id: string;
  type: string;
  data: string;
}

/** Longest event in characters. */
const MAX_EVENT = 1024 * 1024;

/** Reads an event stream (HTML standard, server-sent events): lines ended by LF or CRLF, events by an empty line. */
export async function* readEvents(stream: AsyncIterable<Buffer>): AsyncGenerator<ServerSentEvent, void, undefined> {
  let event = emptyEvent('');
  for await (const line of readLines(stream)) {
    if (line !== '') {
      addLine(event, line);
    } else {
      // Each line of data ends with a line feed, of which the last is not part of the data.
      if (event.data !== '') yield { ...event, data: event.data.slice(0, -1) };
      event = emptyEvent(event.id);
    }
    if (event.data.length > MAX_EVENT) throw tooLarge();
  }
}

async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const part of stream) {
    const lines = (rest + decoder.write(part)).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_EVENT) throw tooLarge();
    yield* lines;
  }
}

function emptyEvent(lastId: string): ServerSentEvent {
  return { id: lastId, type: 'message', data: '' };
}

function tooLarge() {
  return fail('message-too-large', `An event takes more than ${MAX_EVENT} characters.`);
}

function addLine(event: ServerSentEvent, line: string): void {
  const colon = line.indexOf(':');
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (field === 'data') event.data += `${value}\n`;
  else if (field === 'id') event.id = value;
  else if (field === 'event') event.type = value;
}
