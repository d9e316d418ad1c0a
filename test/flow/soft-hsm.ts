import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';

/** A SoftHSM token with one AES-256 key that cannot be taken out of it. @returns its address, as the Director is told */
export async function makeToken(folder: string): Promise<string> {
  const tokens = join(folder, 'tokens');
  await mkdir(tokens, { recursive: true });
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  // Inherited by the processes that are started from here.
  process.env.SOFTHSM2_CONF = configuration;
  const pin = join(folder, 'pin');
  writeFileSync(pin, '5678\n', { mode: 0o600 });
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'site', '--so-pin', '1234', '--pin', '5678']);
  const login = ['--module', MODULE, '--token-label', 'site', '--login', '--pin', '5678'];
  const make = ['--keygen', '--key-type', 'AES:32', '--label', 'hashes', '--sensitive'];
  execFileSync('pkcs11-tool', [...login, ...make], { stdio: 'ignore' });
  return `pkcs11:token=site;object=hashes?module-path=${MODULE}&pin-source=file:${pin}`;
}
