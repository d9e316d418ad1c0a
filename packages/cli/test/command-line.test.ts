import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import t, { type Test } from 'tap';
import { EXIT, exitCodeOf, exitCodeOfRun } from '../src/exit-codes.ts';
import { fail } from '../src/failures.ts';
import { type Host, runCli } from '../src/index.ts';
import { buildProgram } from '../src/program.ts';

const COMMAND = fileURLToPath(new URL('../bin/sealift.mjs', import.meta.url));

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** One command in this process, with a folder and an environment of its own. */
async function run(t: Test, argv: string[], o: { env?: Record<string, string>; stdin?: string; cwd?: string } = {}) {
  const cwd = o.cwd ?? t.testdir();
  const stdin = new PassThrough();
  stdin.end(o.stdin ?? '');
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const host: Host = { env: { HOME: cwd, ...o.env }, cwd, stdin, stdout, stderr };
  const code = await runCli(argv, host, new AbortController().signal);
  const text = (stream: PassThrough) => (stream.read() as Buffer | null)?.toString('utf8') ?? '';
  const ran: Ran = { code, stdout: text(stdout), stderr: text(stderr) };
  return ran;
}

function everyCommand(command: Command, path: string[] = []): { path: string[]; isLeaf: boolean }[] {
  const own = { path, isLeaf: command.commands.length === 0 };
  return [own, ...command.commands.flatMap((child) => everyCommand(child, [...path, child.name()]))];
}

t.test('every command explains itself with examples that name it', async (t) => {
  const host = { env: {}, cwd: '/', stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const program = buildProgram({ host, signal: new AbortController().signal, exitCode: 0 });
  const commands = everyCommand(program);
  t.ok(commands.filter((command) => command.isLeaf).length >= 22);
  for (const { path, isLeaf } of commands) {
    const { code, stdout } = await run(t, [...path, '--help']);
    t.equal(code, EXIT.done, path.join(' '));
    t.match(stdout, /Examples:\n {2}\S/, path.join(' '));
    if (isLeaf) t.ok(stdout.slice(stdout.indexOf('Examples:')).includes(`sealift ${path.join(' ')}`), path.join(' '));
  }
});

t.test('commands of the whole interface are there', async (t) => {
  const { stdout } = await run(t, ['point', '--help']);
  for (const name of ['list', 'show', 'ls', 'restore']) t.match(stdout, new RegExp(`^  ${name} `, 'm'));
  const { stdout: passwords } = await run(t, ['password', '--help']);
  for (const name of ['create', 'list', 'check', 'rotate', 'forget', 'recovery-kit']) {
    t.match(passwords, new RegExp(`^  ${name} `, 'm'));
  }
});

t.test('wrong usage ends with 2 and says what is wrong', async (t) => {
  const cases: [string[], RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['job'], /Usage: sealift job/],
    [['job', 'run'], /missing required argument 'job'/],
    [['job', 'list', 'surplus'], /too many arguments/],
    [['job', 'list', '--colour'], /unknown option '--colour'/],
    [['transporter', 'token', 'x', '--role', 'king'], /Allowed choices are source, target, agent/],
    [['up', '--port', 'x'], /--port must be 0 to 65531/],
    [['up', '--port', '65535'], /--port must be/],
    [['login', 'ftp://x'], /not an https:\/\/ address/],
    [['job', 'update', 'web'], /nothing to change/],
    [['job', 'update', 'web', '--keep', 'daily'], /'daily' is not daily=NUMBER/],
    [['job', 'update', 'web', '--keep', 'daily=x'], /daily must be 0 to 10000, not 'x'/],
    [['job', 'update', 'web', '--keep', 'last=1,last=2'], /last is given twice/],
    [['job', 'update', 'web', '--immutable', '1.5'], /--immutable must be a number of days/],
    [['point', 'hold', 'p', '--release', '--reason', 'x'], /--release takes no --reason/],
    [['run', 'list', '--last', '0'], /--last must be a number above 0/],
    [['director', 'serve'], /'data'\) is not set/],
    [['transporter', 'serve', '--data', '/x', '--name', 'n'], /'role' is not set/],
  ];
  for (const [argv, message] of cases) {
    const { code, stdout, stderr } = await run(t, argv);
    t.equal(code, EXIT.usage, argv.join(' '));
    t.match(stderr, message, argv.join(' '));
    t.equal(stdout, '', 'nothing on standard output');
  }
});

t.test('a job names its source as TRANSPORTER:PATH and a password exactly when it needs one', async (t) => {
  const job = (...more: string[]) => ['job', 'create', 'j', '--repository', 'r', ...more];
  const inFlight = ['--encryption', 'in-flight'];
  t.match((await run(t, job('--source', '/var', ...inFlight))).stderr, /must be TRANSPORTER:PATH/);
  t.match((await run(t, job('--source', 'a:var', ...inFlight))).stderr, /must be absolute/);
  t.match((await run(t, job('--source', 'a:/x', 'b:/y', ...inFlight))).stderr, /on one Transporter/);
  t.match((await run(t, job('--source', 'a:/x', ...inFlight, '--password', 'p'))).stderr, /takes no --password/);
  t.match((await run(t, job('--source', 'a:/x', '--encryption', 'source-side'))).stderr, /needs --password/);
});

t.test('without a login every command that needs one says how to get it', async (t) => {
  const { code, stderr } = await run(t, ['job', 'list']);
  t.equal(code, EXIT.failed);
  t.match(stderr, /sealift login URL/);
  t.match(stderr, /\(not-logged-in\)/);
});

t.test('a Director that is not there is named', async (t) => {
  const env = { SEALIFT_URL: 'https://127.0.0.1:1', SEALIFT_TOKEN: 'x' };
  const { code, stderr } = await run(t, ['job', 'list'], { env });
  t.equal(code, EXIT.failed);
  t.match(stderr, /127\.0\.0\.1:1/);
});

t.test('a damaged login file is told from a missing one', async (t) => {
  const cwd = t.testdir();
  await mkdir(join(cwd, '.config/sealift'), { recursive: true });
  await writeFile(join(cwd, '.config/sealift/login.json'), '{"url": 7}');
  t.match((await run(t, ['job', 'list'], { cwd })).stderr, /login-damaged/);
});

t.test('a password comes from a file or standard input, and never from a terminal that is not there', async (t) => {
  const cwd = t.testdir({ empty: '', two: 'a\nb\n' });
  const env = { SEALIFT_URL: 'https://127.0.0.1:1', SEALIFT_TOKEN: 'x' };
  const create = (...more: string[]) => ['password', 'create', 'p', ...more];
  t.match((await run(t, create(), { cwd, env })).stderr, /not a terminal/);
  t.match((await run(t, create('--password-file', 'empty'), { cwd, env })).stderr, /it is empty/);
  t.match((await run(t, create('--password-file', 'two'), { cwd, env })).stderr, /single line/);
  t.match((await run(t, create('--password-file', '-'), { cwd, env, stdin: 'x'.repeat(5000) })).stderr, /longer than/);
  t.match((await run(t, create('--password-file', '-'), { cwd, env, stdin: 'fine\n' })).stderr, /127\.0\.0\.1:1/);
});

t.test('print-config shows what is in force with secrets masked and starts nothing', async (t) => {
  const cwd = t.testdir({ 'd.yaml': 'data: /from/file\nport: 1\n' });
  const env = { SEALIFT_PORT: '2', SEALIFT_MASTER_KEY: 'hunter2' };
  const argv = ['director', 'serve', '--config', 'd.yaml', '--control-port', '3', '--print-config'];
  const { code, stdout } = await run(t, argv, { cwd, env });
  t.equal(code, EXIT.done);
  t.match(stdout, /^data: \/from\/file #/m);
  t.match(stdout, /^port: 2 # SEALIFT_PORT$/m);
  t.match(stdout, /^controlPort: 3 # command line$/m);
  t.match(stdout, /^masterKey: "?\*+/m);
  t.notMatch(stdout, /hunter2/);
});

t.test('an unknown key in a configuration file ends with 2 and is named', async (t) => {
  const cwd = t.testdir({ 'd.yaml': 'data: /x\nprot: 1\n' });
  const { code, stderr } = await run(t, ['director', 'serve', '--config', 'd.yaml'], { cwd });
  t.equal(code, EXIT.usage);
  t.match(stderr, /unknown key 'prot'/);
});

t.test('up refuses a path that is missing, and one inside its own data, before it starts anything', async (t) => {
  const cwd = t.testdir({ data: { inside: {} } });
  const missing = await run(t, ['up', 'nothing-here', '--once'], { cwd });
  t.equal(missing.code, EXIT.failed);
  t.match(missing.stderr, /nothing-here does not exist/);
  await t.rejects(stat(join(cwd, '.sealift')), 'the data directory was not made');
  const own = await run(t, ['up', 'data/inside', '--data', 'data', '--once'], { cwd });
  t.equal(own.code, EXIT.failed);
  t.match(own.stderr, /which this command writes to/);
});

t.test('exit codes follow the code of a failure and the outcome of a run', async (t) => {
  t.equal(exitCodeOf(fail('usage', '')), EXIT.usage);
  t.equal(exitCodeOf(fail('interrupted', '')), EXIT.interrupted);
  t.equal(exitCodeOf(Object.assign(new Error(), { code: 'EIO' })), EXIT.failed);
  t.same(['done', 'warnings', 'failed', 'cancelled'].map(exitCodeOfRun), [0, 3, 1, 1]);
});

t.test('the command passes on exit status, standard output and version from whatever Node starts it', async (t) => {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  const result = await new Promise<Ran>((resolve) => {
    execFile(process.execPath, [COMMAND, '--version'], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
  t.same(result, { code: 0, stdout: `${version}\n`, stderr: '' });
});
