import { fail } from '../failures.ts';
import type { Host } from '../session/host.ts';

const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';
const BACKSPACES = ['\u0008', '\u007f'];
const CLEAR_LINE = '\u0015';

/** Asks on the terminal with echo switched off; what is typed is shown nowhere, not even as stars. */
export async function promptHidden(host: Host, question: string, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = host;
  stderr.write(question);
  stdin.setRawMode?.(true);
  stdin.setEncoding('utf8');
  try {
    return await typedLine(stdin, signal);
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function typedLine(stdin: Host['stdin'], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const finish = (settle: () => void) => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => finish(() => reject(signal.reason));
    const onEnd = () => finish(() => resolve(line));
    const onData = (text: string) => {
      for (const key of text) {
        if (key === '\r' || key === '\n' || key === END_OF_INPUT) return finish(() => resolve(line));
        if (key === INTERRUPT) return finish(() => reject(fail('interrupted', 'interrupted')));
        line = edited(line, key);
      }
    };
    stdin.on('data', onData);
    stdin.once('end', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
    stdin.resume();
  });
}

function edited(line: string, key: string): string {
  if (BACKSPACES.includes(key)) return [...line].slice(0, -1).join('');
  if (key === CLEAR_LINE) return '';
  return key < ' ' ? line : line + key;
}
