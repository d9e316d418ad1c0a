import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { createRepository, siteFor } from './site.ts';

t.test(
  'a repository on a read-only disk is open for reading, says so, and is written to when that has passed',
  async (t) => {
    const site = await siteFor(t);
    const repositoryId = await createRepository(site, 'store');
    await site.target.close();
    const path = join(site.folder, 'store');
    execFileSync('mount', ['--bind', path, path]);
    t.teardown(() => spawnSync('umount', ['--lazy', path]));
    execFileSync('mount', ['-o', 'remount,ro,bind', path]);
    const target = await site.restart();
    const peer = await site.director.peer(target.id);
    const listed = await peer.call('point.list', { repositoryId });
    t.match(listed.problems, [{ code: 'repository-read-only', message: /can be restored from/, advice: /writable/ }]);
    const lock = { repositoryId, period: 1000 };
    await t.rejects(peer.call('repository.lengthen-lock', lock), { code: 'opened-read-only' });
    execFileSync('mount', ['-o', 'remount,rw,bind', path]);
    await peer.call('repository.stats', { repositoryId });
    t.same((await peer.call('point.list', { repositoryId })).problems, []);
    t.match(await peer.call('repository.lengthen-lock', lock), { period: 1000 });
  },
);
