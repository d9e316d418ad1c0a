/**
 * How a daemon is started so that its memory stays near what it uses. Chunks of a MiB pass through by the thousand:
 * glibc would keep them in its arenas once freed, and V8 would let its young generation grow for them. With these
 * settings large buffers go back to the system at once, for about a tenth of the throughput.
 */
export const DAEMON_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2', '--optimize-for-size'];

export const DAEMON_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '262144',
  MALLOC_TRIM_THRESHOLD_: '1048576',
};

/** Replaces this process by one of the same program with those settings, unless it has them or cannot be replaced. */
export function becomeLeanDaemon(args: readonly string[], program: string): void {
  const serves = args[1] === 'serve' && (args[0] === 'director' || args[0] === 'transporter');
  const lean = Object.keys(DAEMON_ENVIRONMENT).some((name) => process.env[name] !== undefined);
  // A child with a channel to its parent would lose it; `up` starts its children with the settings.
  if (!serves || lean || process.connected || process.execve === undefined) return;
  const flags = [...process.execArgv, ...DAEMON_NODE_FLAGS, '--disable-warning=ExperimentalWarning'];
  process.execve(process.execPath, [process.execPath, ...flags, program, ...args], {
    ...process.env,
    ...DAEMON_ENVIRONMENT,
  });
}
