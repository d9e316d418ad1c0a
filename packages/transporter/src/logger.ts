import { type Failure, PRODUCT_VERSION, toFailure } from '@sealift/core';
import { destination, type Logger, pino } from 'pino';
import type { Settings } from './config.ts';

export type { Logger } from 'pino';

/** JSON lines on stderr: stdout belongs to whoever starts the process. */
export function createLogger(settings: Settings): Logger {
  const base = { transporter: settings.name, role: settings.role, version: PRODUCT_VERSION };
  const options = { level: settings.logLevel, base, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  return pino(options, destination(2));
}

/** What the log says of something thrown: the failure, and where it comes from if it is a defect of ours. */
export function failureFields(thrown: unknown): { failure: Failure; err?: unknown } {
  const failure = toFailure(thrown);
  return failure.kind === 'bug' ? { failure, err: thrown } : { failure };
}
