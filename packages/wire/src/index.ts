export * from './bandwidth/index.ts';
export * from './control/index.ts';
export * from './data/index.ts';
export * from './download/index.ts';
export * from './link/index.ts';
export * from './rest/index.ts';
export { tlsRules, tlsRulesOfRest } from './tls.ts';
