export { EXIT } from './exit-codes.ts';
export { runCli } from './run-cli.ts';
export type { Host } from './session/host.ts';
