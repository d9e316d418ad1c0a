import type { Command } from 'commander';
import type { Invocation } from '../../../session/host.ts';
import { addKeyAdd } from './add.ts';
import { addKeyList } from './list.ts';
import { addKeyRemove } from './remove.ts';
import { addKeyRotate } from './rotate.ts';

/** `sealift repository key …`: the ways to unlock a repository that is encrypted at rest. */
export function addRepositoryKey(parent: Command, invocation: Invocation): void {
  const group = parent.command('key').description('ways to unlock a repository that is encrypted at rest');
  for (const add of [addKeyAdd, addKeyList, addKeyRemove, addKeyRotate]) add(group, invocation);
}
