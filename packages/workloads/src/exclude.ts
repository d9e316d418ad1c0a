import { fail } from './failures.ts';
import { type Glob, matchesGlob, parseGlob } from './glob.ts';

const LONGEST_PATTERN = 4096;
const MOST_PATTERNS = 1000;

interface Rule {
  glob: Glob;
  directoriesOnly: boolean;
}

/** Tells which entries are left out. Components are those below the root of the source, latin1, one character a byte. */
export interface ExcludeRules {
  excludes(components: readonly string[], isDirectory: boolean): boolean;
}

/**
 * Reads patterns as in gitignore, without negation: a pattern without a slash matches a name at any depth, one with a
 * slash matches from the root of the source, a slash at the end means directories only, `**` any number of folders.
 */
export function excludeRules(patterns: readonly string[]): ExcludeRules {
  if (patterns.length > MOST_PATTERNS) {
    throw fail('bad-exclude', `${patterns.length} exclude patterns; at most ${MOST_PATTERNS} are allowed`);
  }
  const rules = patterns.map(parseRule);
  return {
    excludes: (components, isDirectory) =>
      rules.some((rule) => (isDirectory || !rule.directoriesOnly) && matchesGlob(rule.glob, components)),
  };
}

function parseRule(pattern: string): Rule {
  const refuse = (why: string) => fail('bad-exclude', `exclude pattern ${JSON.stringify(pattern)}: ${why}`);
  if (pattern.length > LONGEST_PATTERN) throw refuse(`longer than ${LONGEST_PATTERN} characters`);
  if (pattern.includes('\0')) throw refuse('contains NUL');
  if (pattern.startsWith('!')) throw refuse('negation is not supported; write \\! for a name that begins with it');
  const directoriesOnly = pattern.endsWith('/');
  const body = directoriesOnly ? pattern.slice(0, -1) : pattern;
  const segments = body.split('/');
  if (segments.length === 1) segments.unshift('**');
  else if (segments[0] === '') segments.shift();
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw refuse('has an empty, `.` or `..` part');
  }
  const glob = parseGlob(segments);
  if (glob === undefined) throw refuse('has an unclosed [ or ends with \\');
  return { glob, directoriesOnly };
}
