import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesBelow, type Contender, type Measured, type Task } from './contender.ts';
import type { Peers } from './peers.ts';
import { measureCommand } from './processes.ts';
import type { SshWay } from './ssh-server.ts';

const PASSWORD = 'for this measurement only';

/** Where the repository is: on the local disk, or behind SSH. */
type Way = SshWay | undefined;

export async function restic(task: Task, peers: Peers, way: Way): Promise<Contender> {
  const store = join(task.scratch, 'repository');
  const env = { RESTIC_PASSWORD: PASSWORD, RESTIC_CACHE_DIR: join(task.scratch, 'cache'), ...peers.env };
  const at = way === undefined ? ['-r', store] : ['-r', `sftp:bench:${store}`, '-o', `sftp.command=${way.sftp}`];
  const command = (args: string[]) => ({ program: peers.restic, args: ['-q', ...at, ...args], cwd: task.folder, env });
  const measure = measuring(store, peers, way);
  await measureCommand(command(['init']), peers);
  return {
    name: 'restic',
    backup: () => measure(command(['backup', task.name])),
    restore: async (folder) => {
      const sparse = task.sparse ? ['--sparse'] : [];
      const measured = await measure(command(['restore', 'latest', '--target', folder, ...sparse]));
      return { measured, restored: join(folder, task.name) };
    },
  };
}

export async function borg(task: Task, peers: Peers, way: Way): Promise<Contender> {
  const store = join(task.scratch, 'repository');
  const env = { BORG_PASSPHRASE: PASSWORD, BORG_BASE_DIR: join(task.scratch, 'base'), ...peers.env };
  const repository = way === undefined ? store : `ssh://bench${store}`;
  const over = way === undefined ? {} : { BORG_RSH: way.ssh, BORG_REMOTE_PATH: way.remote(peers.borg) };
  await mkdir(env.BORG_BASE_DIR, { recursive: true });
  const command = (args: string[], cwd = task.folder) => ({ program: peers.borg, args, cwd, env: { ...env, ...over } });
  const measure = measuring(store, peers, way);
  await measureCommand(command(['init', '-e', 'repokey-blake2', repository]), peers);
  let archives = 0;
  return {
    name: 'borg',
    backup: () => measure(command(['create', `${repository}::${++archives}`, task.name])),
    restore: async (folder) => {
      const sparse = task.sparse ? ['--sparse'] : [];
      const measured = await measure(command(['extract', ...sparse, `${repository}::${archives}`], folder));
      return { measured, restored: join(folder, task.name) };
    },
  };
}

/** Measures a command, how the repository grew, and what crossed the link. */
function measuring(store: string, peers: Peers, way: Way) {
  return async (command: Parameters<typeof measureCommand>[0]): Promise<Measured> => {
    const [before, sent] = [await bytesBelow(store), way?.link.bytes ?? 0];
    const cost = await measureCommand(command, peers);
    const bytesStored = (await bytesBelow(store)) - before;
    return { ...cost, bytesStored, ...(way === undefined ? {} : { bytesSent: way.link.bytes - sent }) };
  };
}
