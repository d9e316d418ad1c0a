import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { fail } from '../failures.ts';
import { readIfPresent, writeDurably } from './durable-file.ts';

/** A JSON state file checked against its schema; undefined when there is none. */
export async function readJsonFile<S extends TSchema>(path: string, schema: S): Promise<Static<S> | undefined> {
  const text = await readIfPresent(path);
  if (text === undefined) return undefined;
  const value = parse(path, text);
  if (!Value.Check(schema, value)) {
    const [first] = Value.Errors(schema, value);
    const where = first === undefined ? '' : `: ${first.instancePath || '/'} ${first.message}`;
    throw fail('state-damaged', `${path} does not have the expected form${where}`);
  }
  return value;
}

export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  await writeDurably(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fail('state-damaged', `${path} is not JSON`, { cause });
  }
}
