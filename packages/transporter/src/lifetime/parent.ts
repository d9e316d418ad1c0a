/** How long the end may take before the process is ended hard, ms. */
const PATIENCE = 15_000;

/**
 * Ends this process once the one that started it is gone, after `close` has finished: its IPC channel disconnects,
 * or, without one, standard input ends. Returns a function that stops watching.
 */
export function exitWithParent(close: () => Promise<void>): () => void {
  let gone = false;
  const end = () => {
    if (gone) return;
    gone = true;
    setTimeout(() => process.exit(1), PATIENCE).unref();
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  return process.channel === undefined || process.channel === null ? watchInput(end) : watchChannel(end);
}

function watchChannel(gone: () => void): () => void {
  process.once('disconnect', gone);
  return () => process.off('disconnect', gone);
}

function watchInput(gone: () => void): () => void {
  const input = process.stdin;
  const events = ['end', 'close', 'error'] as const;
  for (const event of events) input.once(event, gone);
  input.resume();
  return () => {
    for (const event of events) input.off(event, gone);
    input.pause();
  };
}
