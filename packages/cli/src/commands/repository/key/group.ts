import type { Command } from 'commander';
import type { Invocation } from '../../../session/host.ts';
import { addKeyAdd } from './add.ts';
import { addKeyList } from './list.ts';
import { addKeyRemove } from './remove.ts';
import { addKeyRotate } from './rotate.ts';
import { addKeyRotateMaster } from './rotate-master.ts';

/** `sealift repository key …`: the ways to unlock a repository that is encrypted at rest. */
export function addRepositoryKey(parent: Command, invocation: Invocation): void {
  const group = parent
    .command('key')
    .description('ways to unlock a repository that is encrypted at rest')
    .addHelpText('after', '\nExamples:\n  sealift repository key list main\n  sealift repository key add main --kms\n');
  for (const add of [addKeyAdd, addKeyList, addKeyRemove, addKeyRotate, addKeyRotateMaster]) add(group, invocation);
}
