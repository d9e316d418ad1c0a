import type { Invocation } from '../session/host.ts';

/** The result of a command on standard output: one JSON document, or text for people. */
export function printResult(
  invocation: Invocation,
  json: boolean | undefined,
  document: unknown,
  text: () => string,
): void {
  invocation.host.stdout.write(json === true ? `${JSON.stringify(document, null, 2)}\n` : text());
}

/** One element of a stream of results: a JSON object on a line of its own. */
export function printLine(invocation: Invocation, document: unknown): void {
  invocation.host.stdout.write(`${JSON.stringify(document)}\n`);
}
