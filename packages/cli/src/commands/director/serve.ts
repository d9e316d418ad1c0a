import type { Command } from 'commander';
import { addSettingFlags, settingsInForce } from '../../config/serve-options.ts';
import { fail } from '../../failures.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand } from '../define.ts';
import { runDaemon } from '../run-daemon.ts';
import { DIRECTOR_SETTINGS } from './settings.ts';

export function addDirectorServe(parent: Command, invocation: Invocation): void {
  const command = defineCommand(parent, {
    usage: 'serve',
    describe: 'run the Director: jobs, inventory, keys, REST API',
    examples: [
      'sealift director serve --data /var/lib/sealift/director',
      'sealift director serve --config /etc/sealift/director.yaml --print-config',
      'SEALIFT_DATA=/data SEALIFT_PUBLIC_HOST=backup.example.net sealift director serve',
    ],
    notes:
      'Settings come from the file, then SEALIFT_* variables, then flags; the later one wins.\n' +
      'The first start writes the token for `sealift login` to admin-token in the data folder.',
  });
  addSettingFlags(command, DIRECTOR_SETTINGS).action(async (options: Record<string, unknown>) => {
    const values = await settingsInForce(invocation, DIRECTOR_SETTINGS, options);
    if (values === undefined) return;
    const { data } = values;
    if (typeof data !== 'string') throw fail('configuration', "the Director's data folder ('data') is not set");
    const { startDirector } = await import('@sealift/director');
    await runDaemon(invocation, async () => {
      const director = await startDirector({ ...values, data });
      return {
        addresses: { rest: director.url, control: director.controlUrl },
        close: () => director.close(),
      };
    });
  });
}
