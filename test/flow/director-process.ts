import { type DirectorConfig, startDirector } from '@sealift/director';

/** A Director in a process of its own, so that it can be killed. Its configuration is the first argument. */
const { url, adminTokenFile, authorityFile } = await startDirector(JSON.parse(process.argv[2] ?? '') as DirectorConfig);
process.on('disconnect', () => process.exit());
process.send?.({ url, adminTokenFile, authorityFile });
