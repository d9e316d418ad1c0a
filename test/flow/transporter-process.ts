import { startTransporter, type TransporterConfig } from '@sealift/transporter';

/** A Transporter in a process of its own, so that it can be killed. Its configuration is the first argument. */
const config = JSON.parse(process.argv[2] ?? '') as TransporterConfig;
const { id } = await startTransporter({ ...config, exitWithParent: true });
process.send?.(id);
