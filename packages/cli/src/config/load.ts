import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { fail } from '../failures.ts';
import { type Setting, type SettingValue, variableOf } from './setting.ts';

const LARGEST_FILE = 1024 * 1024;

export interface Sources {
  /** YAML file, if one was named. */
  file?: string | undefined;
  env: Record<string, string | undefined>;
  /** What the command line gave, by setting name. */
  flags: Record<string, unknown>;
  cwd: string;
}

export interface Loaded {
  values: Record<string, SettingValue>;
  /** Where each value came from: the file's path, the variable's name, or 'command line'. */
  origins: Record<string, string>;
}

/** The settings in force: file, then SEALIFT_* variables, then flags; the later one wins. */
export async function loadSettings(settings: Setting[], sources: Sources): Promise<Loaded> {
  const loaded: Loaded = { values: {}, origins: {} };
  const put = (setting: Setting, value: unknown, origin: string) => {
    loaded.values[setting.name] = typed(setting, value, origin);
    loaded.origins[setting.name] = origin;
  };
  if (sources.file !== undefined) {
    const path = resolve(sources.cwd, sources.file);
    for (const [key, value] of Object.entries(await readYaml(path))) {
      put(known(settings, key, path), value, path);
    }
  }
  for (const setting of settings) {
    const text = sources.env[variableOf(setting)];
    if (text !== undefined && text !== '') put(setting, fromText(setting, text), variableOf(setting));
  }
  for (const setting of settings) {
    const value = sources.flags[setting.name];
    if (value !== undefined) put(setting, fromText(setting, value), 'command line');
  }
  return loaded;
}

function known(settings: Setting[], key: string, path: string): Setting {
  const setting = settings.find((one) => one.name === key);
  if (setting !== undefined) return setting;
  const names = settings.map((one) => one.name).join(', ');
  throw fail('configuration', `${path}: unknown key '${key}'`, { advice: `Known keys are ${names}.` });
}

async function readYaml(path: string): Promise<Record<string, unknown>> {
  const bytes = await readFile(path);
  if (bytes.length > LARGEST_FILE) throw fail('configuration', `${path}: larger than ${LARGEST_FILE} bytes`);
  const document = parseDocument(bytes.toString('utf8'), { uniqueKeys: true, prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw fail('configuration', `${path}: ${problem.message}`);
  const content: unknown = document.toJS({ maxAliasCount: 10 });
  if (content === null || content === undefined) return {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw fail('configuration', `${path}: it must hold 'key: value' lines`);
  }
  return content as Record<string, unknown>;
}

/** Variables and flags are text: numbers, booleans and lists are read out of it. */
function fromText(setting: Setting, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (setting.kind === 'number') return /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (setting.kind === 'boolean')
    return value === 'true' || value === '1' || (value === 'false' || value === '0' ? false : value);
  if (setting.kind === 'list') return value.split(',').map((part) => part.trim());
  return value;
}

function typed(setting: Setting, value: unknown, origin: string): SettingValue {
  if (fits(setting.kind, value)) return value;
  const wanted = { text: 'a text', number: 'a whole number', boolean: 'true or false', list: 'a list of texts' };
  const shown = setting.secret === true ? '' : `, not ${JSON.stringify(value)}`;
  throw fail('configuration', `${origin}: '${setting.name}' must be ${wanted[setting.kind]}${shown}`);
}

function fits(kind: Setting['kind'], value: unknown): value is SettingValue {
  if (kind === 'number') return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (kind === 'boolean') return typeof value === 'boolean';
  if (kind === 'list') return Array.isArray(value) && value.every((part) => typeof part === 'string');
  return typeof value === 'string';
}
