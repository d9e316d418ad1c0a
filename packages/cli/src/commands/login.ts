import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { fail } from '../failures.ts';
import { readSecret } from '../secrets/read-secret.ts';
import { directorAt } from '../session/director.ts';
import { type Invocation, say } from '../session/host.ts';
import { loginFile, storeLogin } from '../session/login-file.ts';
import { defineCommand } from './define.ts';

interface Options {
  tokenFile?: string;
  ca?: string;
  pin?: string;
}

export function addLogin(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'login <url>',
    describe: 'check a token of a Director and remember it for later commands',
    examples: [
      'sealift login https://director.example.net:7420 --ca ca.pem',
      'sealift login https://localhost:7420 --ca .sealift/director/ca.pem --token-file .sealift/director/admin-token',
      'ssh director cat /var/lib/sealift/admin-token | sealift login https://director:7420 --ca ca.pem --token-file -',
    ],
    notes:
      'The token is kept in a file only you can read, in $XDG_CONFIG_HOME/sealift or ~/.config/sealift.\n' +
      'SEALIFT_URL, SEALIFT_TOKEN and SEALIFT_CA (a file) override what is kept, each by itself.',
  })
    .option('--token-file <file>', 'take the token from a file, or from standard input with -')
    .option('--ca <file>', "certificate of the Director's authority (its ca.pem); the system's when left out")
    .option('--pin <hash>', 'the same by the SHA-256 of its public key, base64url')
    .action(async (url: string, options: Options) => {
      checkUrl(url);
      const ca = await authority(invocation, url, options);
      const token = await readSecret(invocation, { label: 'Token', file: options.tokenFile });
      const director = await directorAt(url, token, ca);
      await director.call('listTransporters', { query: { limit: 1 } }, invocation.signal);
      await storeLogin(invocation.host.env, ca === undefined ? { url, token } : { url, token, ca });
      say(invocation, `logged in to ${url}; kept in ${loginFile(invocation.host.env)}`);
    });
}

function checkUrl(url: string): void {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw fail('usage', `'${url}' is not an https:// address`);
  }
}

async function authority(invocation: Invocation, url: string, { ca, pin }: Options): Promise<string | undefined> {
  if (ca !== undefined) return await readFile(resolve(invocation.host.cwd, ca), 'utf8');
  if (pin === undefined) return undefined;
  const { fetchAuthority } = await import('@sealift/wire');
  return await fetchAuthority({ url, pin }, invocation.signal);
}
