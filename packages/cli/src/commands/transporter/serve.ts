import type { TransporterConfig } from '@sealift/transporter';
import type { Command } from 'commander';
import { addSettingFlags, settingsInForce } from '../../config/serve-options.ts';
import type { SettingValue } from '../../config/setting.ts';
import { fail } from '../../failures.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand } from '../define.ts';
import { runDaemon } from '../run-daemon.ts';
import { TRANSPORTER_SETTINGS } from './settings.ts';

export function addTransporterServe(parent: Command, invocation: Invocation): void {
  const command = defineCommand(parent, {
    usage: 'serve',
    describe: 'run a Transporter: reads and restores (source, agent) or keeps backups (target)',
    examples: [
      'sealift transporter serve --name vault --role target --data /var/lib/sealift/vault \\\n' +
        '    --director-url https://director:7420 --enrolment-token-file /run/secrets/sealift-token',
      'sealift transporter serve --config /etc/sealift/transporter.yaml --print-config',
    ],
    notes:
      'Settings come from the file, then SEALIFT_* variables, then flags; the later one wins.\n' +
      'The token, made by `sealift transporter token`, is needed for the first start only.',
  });
  addSettingFlags(command, TRANSPORTER_SETTINGS).action(async (options: Record<string, unknown>) => {
    const values = await settingsInForce(invocation, TRANSPORTER_SETTINGS, options);
    if (values === undefined) return;
    const config = transporterConfig(values);
    const { startTransporter } = await import('@sealift/transporter');
    await runDaemon(invocation, async () => {
      const transporter = await startTransporter(config);
      const { healthUrl, dataUrl } = transporter;
      return {
        addresses: { health: healthUrl, ...(dataUrl === undefined ? {} : { data: dataUrl }) },
        close: () => transporter.close(),
      };
    });
  });
}

function transporterConfig(values: Record<string, SettingValue>): TransporterConfig {
  const { enrolmentToken: token, enrolmentTokenFile: tokenFile, name, role, data, ...rest } = values;
  for (const [key, value] of Object.entries({ name, role, data })) {
    if (value === undefined) throw fail('configuration', `the Transporter's '${key}' is not set`);
  }
  // Its own check of every value follows at the start.
  return { ...rest, name, role, data, token, tokenFile } as TransporterConfig;
}
