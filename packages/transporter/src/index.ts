export type { LogLevel, TransporterConfig, TransporterRole } from './config.ts';
export { startTransporter, type TransporterHandle } from './start.ts';
