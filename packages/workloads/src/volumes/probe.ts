import { toFailure } from '@sealift/core';
import { runTool } from './run-tool.ts';

/** What a device holds, read from the device itself. */
export interface Probed {
  /** `gpt` or `dos` */
  table?: string;
  filesystem?: string;
  label?: string;
  uuid?: string;
}

const NAMES: Record<string, keyof Probed> = { PTTYPE: 'table', TYPE: 'filesystem', LABEL: 'label', UUID: 'uuid' };
const LONGEST_TEXT = 255;

/** Nothing where nothing is recognised or the device cannot be read. @throws Failure `disk-tool-missing` */
export async function probe(path: string, signal?: AbortSignal): Promise<Probed> {
  let text: string;
  try {
    text = await runTool('blkid', ['--probe', '--output', 'export', path], signal);
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code === 'disk-tool-failed') return {};
    throw failure;
  }
  const found: Probed = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const name = NAMES[line.slice(0, at)];
    // Values are escaped for a shell.
    const value = line.slice(at + 1).replace(/\\(.)/g, '$1');
    if (at > 0 && name !== undefined && value !== '') found[name] = value.slice(0, LONGEST_TEXT);
  }
  return found;
}
