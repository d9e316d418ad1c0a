import type { NumberedEvent, RestClient } from '@sealift/wire';
import type { Command } from 'commander';
import { exitCodeOfRun } from '../../exit-codes.ts';
import { printLine } from '../../output/document.ts';
import { showPath } from '../../output/entry-path.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatRun } from '../../output/run.ts';
import { subjectName } from '../../output/subject.ts';
import { formatBytes } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import { followRun, tellProblems } from '../../session/follow-run.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addRunWatch(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'watch [run]',
    describe: 'follow a run to its end, or everything that happens',
    examples: [
      'sealift run watch 0198c3f2-7d4e-7a11-9c55-0242ac120002',
      'sealift run watch',
      'sealift run watch --json | jq -c \'select(.type == "run.state")\'',
    ],
    notes: 'Following one run, the exit status is that of the run. Everything is followed until Ctrl-C.',
  })
    .addOption(jsonOption('print one JSON object a line, as things happen'))
    .action(async (id: string | undefined, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      await (id === undefined ? watchAll(invocation, director, json) : watchOne(invocation, director, id, json));
    });
}

async function watchOne(invocation: Invocation, director: RestClient, id: string, json: boolean | undefined) {
  const run = await followRun(invocation, director, id, (changed) => {
    if (json === true) printLine(invocation, changed);
  });
  await tellProblems(invocation, director, run);
  if (json !== true) invocation.host.stdout.write(formatRun(run));
  invocation.exitCode = exitCodeOfRun(run.state);
}

async function watchAll(invocation: Invocation, director: RestClient, json: boolean | undefined): Promise<void> {
  for await (const event of director.events(invocation.signal)) {
    if (json === true) printLine(invocation, event);
    else invocation.host.stdout.write(`${describe(event)}\n`);
  }
}

function describe(event: NumberedEvent): string {
  switch (event.type) {
    case 'run.progress': {
      const { phase, files, bytesRead, bytesSent } = event.data.progress;
      const amounts = `${files} files, read ${formatBytes(bytesRead)}, sent ${formatBytes(bytesSent)}`;
      return `${subjectName(event.data)}: ${phase}, ${amounts}`;
    }
    case 'run.warning':
      return event.data.warnings
        .map((warning) => `${subjectName(event.data)}: ${showPath(warning)}: ${harmless(warning.message)}`)
        .join('\n');
    case 'run.state':
      return `${subjectName(event.data)}: ${event.data.kind} ${event.data.id} is ${event.data.state}`;
    case 'transporter.state':
      return `transporter ${printable(event.data.name)} is ${event.data.connected ? 'connected' : 'away'}`;
    case 'point.deletion': {
      const { point, job, outcome, by, reason } = event.data;
      return `${printable(job.name)}: recovery point ${point} ${outcome} (${harmless(by)}: ${harmless(reason)})`;
    }
    case 'alarm':
      return `alarm: ${harmless(event.data.message)} (${event.data.code})`;
    case 'events.lost':
      return 'some events were missed; see `sealift run list`';
  }
}
