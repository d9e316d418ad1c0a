import { runTool } from '../volumes/run-tool.ts';

/** A program and its arguments. */
export type Step = [program: string, ...args: string[]];

/** One after the other; the first that fails ends it. */
export async function runSteps(steps: Step[], signal?: AbortSignal): Promise<void> {
  for (const [program, ...args] of steps) await runTool(program, args, signal);
}
