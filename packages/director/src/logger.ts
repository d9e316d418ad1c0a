import { pino } from 'pino';
import type { DirectorConfig } from './config.ts';

export type Logger = pino.Logger;

/** JSON lines on standard output. Bodies of requests, tokens and keys are never given to it. */
export function createLogger(level: DirectorConfig['logLevel']): Logger {
  return pino({ name: 'director', level, formatters: { level: (label) => ({ level: label }) } });
}
