import type { Command } from 'commander';
import type { Invocation } from '../session/host.ts';
import { defineCommand } from './define.ts';

export function addRecover(parent: Command, invocation: Invocation): void {
  defineCommand(parent, { usage: 'recover', describe: '', examples: [] });
  void invocation;
}
