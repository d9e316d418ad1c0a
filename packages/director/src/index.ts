export { DIRECTOR_DEFAULTS, type DirectorConfig, DirectorConfigSchema } from './config.ts';
export { type DirectorHandle, startDirector } from './director.ts';
