/** Pause between two looks at who the parent is, ms. */
const LOOK_EVERY = 500;

/**
 * Calls `gone` when the process that started this one is gone: at once where there is a channel to it, within half a
 * second below `npm start`, which has none. Elsewhere a parent that ends means nothing: shells put programs into the
 * background and leave.
 */
export function onParentGone(env: NodeJS.ProcessEnv, gone: () => void): void {
  const { channel, ppid } = process;
  if (channel) {
    process.once('disconnect', gone);
    channel.unref();
  }
  if (env.npm_lifecycle_event !== 'start') return;
  const timer = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(timer);
    gone();
  }, LOOK_EVERY);
  timer.unref();
}
