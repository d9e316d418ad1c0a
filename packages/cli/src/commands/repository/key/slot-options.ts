import type { Command } from 'commander';
import { choice } from '../../define.ts';

/** The options of a command that makes a key slot. */
export function addSlotOptions(command: Command): Command {
  return command
    .option('--password', 'opened by a password, which is asked for')
    .option('--password-file <file>', 'opened by the password in a file, or from standard input with -')
    .option('--kms', "opened by the Director's key management service")
    .option('--key-file <file>', 'opened by the key in a file: 32 random bytes in base64, e.g. openssl rand -base64 32')
    .option('--label <text>', 'what to call it')
    .addOption(choice('--keep <what>', 'a password: keep its wrapped hash to unlock by, or nothing', ['hash', 'never']))
    .option('--accept-weak', 'take a password that is easily guessed');
}
