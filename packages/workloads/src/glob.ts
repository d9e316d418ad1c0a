/** One position of a name: a byte, any character, a set of bytes, or any run of bytes. */
type Token = { kind: 'byte'; byte: number } | { kind: 'any' } | { kind: 'star' } | ByteSet;
type ByteSet = { kind: 'set'; negated: boolean; ranges: [from: number, to: number][] };
type Segment = 'folders' | Token[];

/** A path pattern: its segments, `folders` standing for any number of path components. */
export type Glob = readonly Segment[];

/** Undefined when a segment is malformed. A `**` at the end means everything inside, not the folder itself. */
export function parseGlob(segments: readonly string[]): Glob | undefined {
  const glob: Segment[] = [];
  for (const segment of segments) {
    const parsed = segment === '**' ? 'folders' : parseSegment(Buffer.from(segment).toString('latin1'));
    if (parsed === undefined) return undefined;
    glob.push(parsed);
  }
  if (glob.at(-1) === 'folders') glob.push([{ kind: 'star' }]);
  return glob;
}

/** Components are latin1, one character a byte. Takes at most pattern x path steps, whatever the pattern. */
export function matchesGlob(glob: Glob, components: readonly string[]): boolean {
  return matchRuns(glob.length, components.length, {
    isRun: (p) => glob[p] === 'folders',
    step: (p, at) => (p < glob.length && matchesName(glob[p] as Token[], components[at] as string) ? 1 : 0),
  });
}

function matchesName(tokens: Token[], name: string): boolean {
  return matchRuns(tokens.length, name.length, {
    isRun: (p) => tokens[p]?.kind === 'star',
    step: (p, at) => matchLength(tokens[p], name, at),
  });
}

interface Matcher {
  isRun(p: number): boolean;
  /** How much of the text the pattern position matches at `at`; 0: it does not. */
  step(p: number, at: number): number;
}

/** Wildcard matching that goes back only to the last run: a later run makes earlier choices irrelevant. */
function matchRuns(patternLength: number, textLength: number, matcher: Matcher): boolean {
  let p = 0;
  let at = 0;
  let retry: { p: number; at: number } | undefined;
  while (p < patternLength || at < textLength) {
    if (matcher.isRun(p)) {
      p += 1;
      retry = { p, at };
      continue;
    }
    const length = at < textLength ? matcher.step(p, at) : 0;
    p += 1;
    at += length;
    if (length > 0) continue;
    if (retry === undefined || retry.at === textLength) return false;
    retry.at += 1;
    p = retry.p;
    at = retry.at;
  }
  return true;
}

function matchLength(token: Token | undefined, name: string, at: number): number {
  if (token === undefined) return 0;
  const byte = name.charCodeAt(at);
  if (token.kind === 'byte') return token.byte === byte ? 1 : 0;
  if (token.kind === 'set') {
    return token.ranges.some(([from, to]) => byte >= from && byte <= to) !== token.negated ? 1 : 0;
  }
  return characterLength(name, at);
}

const UTF8_CHARACTER = /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}/y;

/** Bytes of the UTF-8 character at `at`; a byte that begins none counts as one character. */
function characterLength(name: string, at: number): number {
  UTF8_CHARACTER.lastIndex = at;
  return UTF8_CHARACTER.exec(name)?.[0].length ?? 1;
}

function parseSegment(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const token = parseToken(text, at);
    if (token === undefined) return undefined;
    tokens.push(token.token);
    at = token.end;
  }
  return tokens;
}

function parseToken(text: string, at: number): { token: Token; end: number } | undefined {
  const character = text[at];
  if (character === '*') return { token: { kind: 'star' }, end: at + 1 };
  if (character === '?') return { token: { kind: 'any' }, end: at + 1 };
  if (character === '[') {
    const close = text.indexOf(']', at + 2);
    return close < 0 ? undefined : { token: parseSet(text.slice(at + 1, close)), end: close + 1 };
  }
  const escaped = character === '\\' ? at + 1 : at;
  if (escaped === text.length) return undefined;
  return { token: { kind: 'byte', byte: text.charCodeAt(escaped) }, end: escaped + 1 };
}

function parseSet(body: string): ByteSet {
  const negated = body.length > 1 && (body[0] === '!' || body[0] === '^');
  const ranges: [number, number][] = [];
  for (let at = negated ? 1 : 0; at < body.length; ) {
    const isRange = body[at + 1] === '-' && at + 2 < body.length;
    const last = isRange ? at + 2 : at;
    ranges.push([body.charCodeAt(at), body.charCodeAt(last)]);
    at = last + 1;
  }
  return { kind: 'set', negated, ranges };
}
