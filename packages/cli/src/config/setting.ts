/** One thing that can be set about a daemon: in its YAML file, by a variable, by a flag. */
export interface Setting {
  /** Key in the YAML file; variable and flag are made from it. */
  name: string;
  kind: 'text' | 'number' | 'boolean' | 'list';
  describe: string;
  /** Masked when printed, and without a flag: other users of the machine can read command lines. */
  secret?: true;
}

export type SettingValue = string | number | boolean | string[];

/** `dataHost` -> `SEALIFT_DATA_HOST`. */
export function variableOf(setting: Setting): string {
  return `SEALIFT_${setting.name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `dataHost` -> `--data-host <value>`; a list takes several, a boolean none. */
export function flagOf(setting: Setting): string {
  const flag = `--${setting.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (setting.kind === 'boolean') return flag;
  return `${flag} <${setting.kind === 'list' ? 'value...' : setting.kind === 'number' ? 'number' : 'value'}>`;
}
