import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DelayedLink, type Shape } from './delayed-link.ts';
import { freePort } from './free-port.ts';
import type { Peers } from './peers.ts';

/** How a peer reaches its repository through SSH over the delayed link. */
export interface SshWay extends AsyncDisposable {
  link: DelayedLink;
  /** The client with all its options. */
  ssh: string;
  /** The same, that starts the SFTP server. */
  sftp: string;
  /** What starts a program at the far end that is not installed there. */
  remote(program: string): string;
}

/** Starts an SSH server for this measurement alone, with keys of its own, behind a delayed link. */
export async function openSshWay(peers: Peers, folder: string, shape: Shape): Promise<SshWay> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const server = await startServer(peers, folder, port);
  const link = await DelayedLink.open(port, shape);
  const ssh = `ssh -F ${await clientConfig(folder, link.port)}`;
  return {
    link,
    ssh,
    sftp: `${ssh} bench -s sftp`,
    remote: (program) =>
      `env ${Object.entries(peers.env)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')} ${program}`,
    [Symbol.asyncDispose]: async () => {
      await link[Symbol.asyncDispose]();
      server.kill();
    },
  };
}

async function startServer(peers: Peers, folder: string, port: number): Promise<ChildProcess> {
  for (const key of ['host', 'client']) {
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
  }
  await writeFile(join(folder, 'authorized'), await readFile(join(folder, 'client.pub')));
  await chmod(join(folder, 'authorized'), 0o600);
  const lines = [
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    `PidFile ${join(folder, 'pid')}`,
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    `Subsystem sftp ${peers.sftpServer}`,
  ];
  await writeFile(join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
  // The privilege separation of the server wants this folder.
  await mkdir('/run/sshd', { recursive: true });
  const args = ['-D', '-e', '-p', String(port), '-f', join(folder, 'sshd_config')];
  const server = spawn(peers.sshd, args, { env: { ...process.env, ...peers.env }, stdio: 'ignore' });
  await listening(port, server);
  return server;
}

async function clientConfig(folder: string, port: number): Promise<string> {
  const path = join(folder, 'ssh_config');
  const lines = [
    'Host bench',
    'HostName 127.0.0.1',
    `Port ${port}`,
    `User ${userInfo().username}`,
    `IdentityFile ${join(folder, 'client')}`,
    'IdentitiesOnly yes',
    'StrictHostKeyChecking no',
    `UserKnownHostsFile ${join(folder, 'known')}`,
    'LogLevel ERROR',
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

async function listening(port: number, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100 && server.exitCode === null; tries++) {
    const socket = connect(port, '127.0.0.1');
    const up = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (up) return;
    await sleep(100);
  }
  throw new Error('The SSH server does not listen.');
}
