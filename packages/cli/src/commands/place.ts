import { fail } from '../failures.ts';

/** A folder or file on a Transporter, as the command line names it. */
export interface Place {
  transporter: string;
  path: string;
}

/** `berlin:/srv/data`: names have no colon, so the first one ends the name. */
export function parsePlace(option: string, text: string): Place {
  const colon = text.indexOf(':');
  const [transporter, path] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  if (transporter === '') throw fail('usage', `${option} must be TRANSPORTER:PATH, not '${text}'`);
  if (!path.startsWith('/')) throw fail('usage', `${option}: the path must be absolute, not '${path}'`);
  return { transporter, path };
}

/** Several places of one and the same Transporter. */
export function parsePlaces(option: string, texts: string[]): { transporter: string; paths: string[] } {
  const places = texts.map((text) => parsePlace(option, text));
  const names = new Set(places.map((place) => place.transporter));
  if (names.size !== 1) throw fail('usage', `${option}: all paths of a job must be on one Transporter`);
  return { transporter: places[0]?.transporter ?? '', paths: places.map((place) => place.path) };
}
