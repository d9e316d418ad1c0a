import type { ServerResponse } from 'node:http';
import { type NumberedEvent, Problem } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Context } from '../context.ts';

/** Keeps proxies from closing a quiet stream, ms. */
const COMMENT_EVERY = 15_000;
/** A reader that is this far behind, in bytes, is let go; it resumes from the events that are kept. */
const FURTHEST_BEHIND = 4 * 1024 * 1024;

/** Live events as server-sent events, resumable by `Last-Event-ID`. */
export function serveEvents(app: FastifyInstance, { events, signal }: Context): void {
  const schema = {
    operationId: 'readEvents',
    tags: ['events'],
    summary: 'Streams run.progress, run.warning, run.state and transporter.state as they happen',
    security: [{ bearer: [] }],
    produces: ['text/event-stream'],
    headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 64 })) }),
    response: { 200: Type.String(), '4xx': Problem },
  };
  app.get('/api/v1/events', { schema }, async (request, reply) => {
    const last = request.headers['last-event-id'];
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    raw.write(': welcome\n\n');
    for (const event of typeof last === 'string' ? events.since(last) : []) send(raw, event);
    const stopListening = events.listen((event) => send(raw, event));
    const timer = setInterval(() => raw.write(': still here\n\n'), COMMENT_EVERY);
    const end = () => raw.end();
    signal.addEventListener('abort', end, { once: true });
    raw.once('close', () => {
      clearInterval(timer);
      stopListening();
      signal.removeEventListener('abort', end);
    });
  });
}

function send(raw: ServerResponse, { id, type, data }: NumberedEvent): void {
  if (raw.writableLength > FURTHEST_BEHIND) raw.destroy();
  else raw.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
