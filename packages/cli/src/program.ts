import { PRODUCT_VERSION } from '@sealift/core';
import { Command } from 'commander';
import { addCopyCreate } from './commands/copy/create.ts';
import { addCopyList } from './commands/copy/list.ts';
import { addCopyRemove } from './commands/copy/remove.ts';
import { addCopyRetention } from './commands/copy/retention.ts';
import { addCopyRun } from './commands/copy/run.ts';
import { addCopyShow } from './commands/copy/show.ts';
import { addCopyUpdate } from './commands/copy/update.ts';
import { addDirectorServe } from './commands/director/serve.ts';
import { addJobCreate } from './commands/job/create.ts';
import { addJobDrill } from './commands/job/drill.ts';
import { addJobExplain } from './commands/job/explain.ts';
import { addJobList } from './commands/job/list.ts';
import { addJobPause } from './commands/job/pause.ts';
import { addJobRemove } from './commands/job/remove.ts';
import { addJobResume } from './commands/job/resume.ts';
import { addJobRetention } from './commands/job/retention.ts';
import { addJobRun } from './commands/job/run.ts';
import { addJobShow } from './commands/job/show.ts';
import { addJobUnfreeze } from './commands/job/unfreeze.ts';
import { addJobUpdate } from './commands/job/update.ts';
import { addKmsRewrap } from './commands/kms/rewrap.ts';
import { addKmsShow } from './commands/kms/show.ts';
import { addLogin } from './commands/login.ts';
import { addPasswordCheck } from './commands/password/check.ts';
import { addPasswordCreate } from './commands/password/create.ts';
import { addPasswordForget } from './commands/password/forget.ts';
import { addPasswordList } from './commands/password/list.ts';
import { addPasswordRecoveryKit } from './commands/password/recovery-kit.ts';
import { addPasswordRotate } from './commands/password/rotate.ts';
import { addPasswordShow } from './commands/password/show.ts';
import { addPointDeletions } from './commands/point/deletions.ts';
import { addPointExplain } from './commands/point/explain.ts';
import { addPointFind } from './commands/point/find.ts';
import { addPointGet } from './commands/point/get.ts';
import { addPointHold } from './commands/point/hold.ts';
import { addPointList } from './commands/point/list.ts';
import { addPointLock } from './commands/point/lock.ts';
import { addPointLs } from './commands/point/ls.ts';
import { addPointRemove } from './commands/point/remove.ts';
import { addPointRestore } from './commands/point/restore.ts';
import { addPointServe } from './commands/point/serve.ts';
import { addPointShow } from './commands/point/show.ts';
import { addPointVersions } from './commands/point/versions.ts';
import { addRecover } from './commands/recover.ts';
import { addRepositoryAdopt } from './commands/repository/adopt.ts';
import { addRepositoryCollect } from './commands/repository/collect.ts';
import { addRepositoryCopy } from './commands/repository/copy.ts';
import { addRepositoryCreate } from './commands/repository/create.ts';
import { addRepositoryImmutable } from './commands/repository/immutable.ts';
import { addRepositoryKey } from './commands/repository/key/group.ts';
import { addRepositoryList } from './commands/repository/list.ts';
import { addRepositoryMove } from './commands/repository/move.ts';
import { addRepositoryRepair } from './commands/repository/repair.ts';
import { addRepositoryShow } from './commands/repository/show.ts';
import { addRepositoryUnlock } from './commands/repository/unlock.ts';
import { addRepositoryVerify } from './commands/repository/verify.ts';
import { addRunCancel } from './commands/run/cancel.ts';
import { addRunList } from './commands/run/list.ts';
import { addRunPassword } from './commands/run/password.ts';
import { addRunShow } from './commands/run/show.ts';
import { addRunWatch } from './commands/run/watch.ts';
import { addTransporterDisks } from './commands/transporter/disks.ts';
import { addTransporterList } from './commands/transporter/list.ts';
import { addTransporterRemove } from './commands/transporter/remove.ts';
import { addTransporterRevoke } from './commands/transporter/revoke.ts';
import { addTransporterServe } from './commands/transporter/serve.ts';
import { addTransporterShow } from './commands/transporter/show.ts';
import { addTransporterToken } from './commands/transporter/token.ts';
import { addTransporterUpdate } from './commands/transporter/update.ts';
import { addUp } from './commands/up.ts';
import type { Invocation } from './session/host.ts';

type AddCommand = (parent: Command, invocation: Invocation) => void;

const GROUPS: [name: string, describe: string, examples: string[], members: AddCommand[]][] = [
  ['director', 'the Director', ['sealift director serve --data DIR'], [addDirectorServe]],
  [
    'transporter',
    'the machines that move data',
    ['sealift transporter token berlin --role source', 'sealift transporter list'],
    [
      addTransporterServe,
      addTransporterToken,
      addTransporterList,
      addTransporterShow,
      addTransporterUpdate,
      addTransporterDisks,
      addTransporterRevoke,
      addTransporterRemove,
    ],
  ],
  [
    'repository',
    'where recovery points are kept',
    ['sealift repository create main --transporter vault --path /srv/sealift/main'],
    [
      addRepositoryCreate,
      addRepositoryAdopt,
      addRepositoryMove,
      addRepositoryList,
      addRepositoryShow,
      addRepositoryUnlock,
      addRepositoryKey,
      addRepositoryVerify,
      addRepositoryRepair,
      addRepositoryCopy,
      addRepositoryCollect,
      addRepositoryImmutable,
    ],
  ],
  [
    'copy',
    'standing copies: points of one repository that another is to hold, too',
    ["sealift copy create nightly --from main --to offsite --schedule '0 4 * * *' --keep daily=30,monthly=24"],
    [addCopyCreate, addCopyUpdate, addCopyList, addCopyShow, addCopyRun, addCopyRetention, addCopyRemove],
  ],
  [
    'password',
    'encryption passwords of source-side encryption',
    ['sealift password create archive', 'sealift password recovery-kit archive | lpr'],
    [
      addPasswordCreate,
      addPasswordList,
      addPasswordShow,
      addPasswordCheck,
      addPasswordRotate,
      addPasswordForget,
      addPasswordRecoveryKit,
    ],
  ],
  ['kms', 'what wraps the secrets of the Director', ['sealift kms show'], [addKmsShow, addKmsRewrap]],
  [
    'job',
    'what is backed up',
    ['sealift job run web --wait'],
    [
      addJobCreate,
      addJobUpdate,
      addJobList,
      addJobShow,
      addJobExplain,
      addJobRun,
      addJobDrill,
      addJobPause,
      addJobResume,
      addJobRetention,
      addJobUnfreeze,
      addJobRemove,
    ],
  ],
  [
    'run',
    'backups, restores and tasks on repositories, under way and past',
    ['sealift run list', 'sealift run watch'],
    [addRunList, addRunShow, addRunWatch, addRunPassword, addRunCancel],
  ],
  [
    'point',
    'recovery points',
    ['sealift point list --job web', 'sealift point ls POINT'],
    [
      addPointList,
      addPointShow,
      addPointExplain,
      addPointLs,
      addPointFind,
      addPointVersions,
      addPointGet,
      addPointRestore,
      addPointServe,
      addPointHold,
      addPointLock,
      addPointRemove,
      addPointDeletions,
    ],
  ],
];

const EXIT_STATUS =
  'Exit status: 0 done, 1 failed, 2 wrong usage, 3 finished with warnings, 4 not permitted, 130 interrupted.';

/** The whole command tree. Parsing failures and help are thrown as CommanderError, nothing ends the process. */
export function buildProgram(invocation: Invocation): Command {
  const { stdout, stderr } = invocation.host;
  const program = new Command('sealift')
    .description('Backups that are encrypted before the first bit leaves the source, and always come back.')
    .version(PRODUCT_VERSION, '-V, --version', 'show the version')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .showHelpAfterError('(--help shows how it is used)')
    .addHelpText('after', examplesHelp(['sealift up ~/documents', 'sealift job run web --wait', 'sealift point list']))
    .addHelpText('after', `\n${EXIT_STATUS}`);
  addUp(program, invocation);
  addLogin(program, invocation);
  for (const [name, describe, examples, members] of GROUPS) {
    const group = program.command(name).description(describe).addHelpText('after', examplesHelp(examples));
    for (const add of members) add(group, invocation);
  }
  addRecover(program, invocation);
  return program;
}

function examplesHelp(lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
