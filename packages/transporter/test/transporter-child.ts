import { startTransporter, type TransporterConfig } from '../src/index.ts';

const config = JSON.parse(process.argv[2] ?? '') as TransporterConfig;
const { healthUrl } = await startTransporter({ ...config, exitWithParent: true });
process.stdout.write(`${healthUrl}\n`);
