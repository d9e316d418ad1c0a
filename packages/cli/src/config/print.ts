import { Document, Scalar } from 'yaml';
import type { Loaded } from './load.ts';
import type { Setting } from './setting.ts';

const MASK = '********';

/** The settings in force as a YAML file that can be used again, except for its masked secrets. */
export function printSettings(settings: Setting[], loaded: Loaded): string {
  const document = new Document({});
  for (const setting of settings) {
    const value = loaded.values[setting.name];
    if (value === undefined) continue;
    const node = document.createNode(setting.secret === true ? MASK : value);
    node.comment = ` ${loaded.origins[setting.name]}`;
    document.set(new Scalar(setting.name), node);
  }
  return document.contents === null || Object.keys(document.toJS()).length === 0 ? '' : document.toString();
}
