import type { Command } from 'commander';
import type { Invocation } from '../session/host.ts';
import { type Loaded, loadSettings } from './load.ts';
import { printSettings } from './print.ts';
import { flagOf, type Setting, variableOf } from './setting.ts';

/** Gives a daemon's command a flag for each setting that is no secret, and says which variable does the same. */
export function addSettingFlags(command: Command, settings: Setting[]): Command {
  command.option('--config <file>', 'YAML file with the settings');
  for (const setting of settings) {
    if (setting.secret !== true) command.option(flagOf(setting), `${setting.describe} [${variableOf(setting)}]`);
  }
  return command.option('--print-config', 'show the settings in force, secrets masked, and end');
}

/** Loads the settings; undefined when they were only to be printed. */
export async function settingsInForce(
  invocation: Invocation,
  settings: Setting[],
  options: Record<string, unknown>,
): Promise<Loaded['values'] | undefined> {
  const { host } = invocation;
  const file = typeof options.config === 'string' ? options.config : undefined;
  const loaded = await loadSettings(settings, { file, env: host.env, flags: options, cwd: host.cwd });
  if (options.printConfig !== true) return loaded.values;
  host.stdout.write(printSettings(settings, loaded));
  return undefined;
}
