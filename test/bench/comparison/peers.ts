import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const INSTALL = fileURLToPath(new URL('./install-peers.sh', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/bench-peers', import.meta.url));

/** The programs that Sealift is measured against, unpacked below one folder. */
export interface Peers {
  restic: string;
  borg: string;
  time: string;
  sshd: string;
  sftpServer: string;
  /** What programs that are not installed need to find what they were built with. */
  env: Record<string, string>;
  scratch: string;
}

/** Unpacks them if they are not there. */
export async function installPeers(scratch: string): Promise<Peers> {
  await promisify(execFile)(INSTALL, [CACHE]);
  await mkdir(scratch, { recursive: true });
  const root = join(CACHE, 'root/usr');
  return {
    restic: join(root, 'bin/restic'),
    borg: join(root, 'bin/borg'),
    time: join(root, 'bin/time'),
    sshd: join(root, 'sbin/sshd'),
    sftpServer: join(root, 'lib/openssh/sftp-server'),
    env: {
      LD_LIBRARY_PATH: join(root, 'lib/x86_64-linux-gnu'),
      PYTHONPATH: join(root, 'lib/python3/dist-packages'),
    },
    scratch,
  };
}
