import type { Strength } from '@sealift/wire';
import { fail } from '../failures.ts';

/** The least score (0 to 4) that is accepted without being insisted on. */
const LEAST_SCORE = 3;
/** Longer ones are not looked at beyond this: estimating takes time that grows with the length. */
const LONGEST = 128;

type Estimate = (password: string, known: string[]) => Strength;
let loading: Promise<Estimate> | undefined;

/**
 * How hard a password is to guess. `known` are words that an attacker would try first, such as its name. The word lists
 * take some 20 MB and are loaded when a password is first set.
 */
export async function estimateStrength(password: string, known: string[]): Promise<Strength> {
  loading ??= load();
  return (await loading)(password, known);
}

/** @throws Failure `password-weak` for one that can be guessed, unless it is insisted on */
export function refuseWeak(strength: Strength, acceptWeak: boolean): void {
  if (strength.score >= LEAST_SCORE || acceptWeak) return;
  const why = [strength.warning, ...strength.suggestions].filter((line) => line !== '').join(' ');
  const guesses = `about 10^${Math.round(strength.guessesLog10)} guesses find it`;
  throw fail('password-weak', `This password is weak: ${guesses}. ${why}`.trimEnd());
}

async function load(): Promise<Estimate> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ]);
  const zxcvbn = new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    translations: english.translations,
  });
  return (password, known) => {
    const { score, guessesLog10, feedback } = zxcvbn.check(password.slice(0, LONGEST), known);
    return { score, guessesLog10, warning: feedback.warning ?? '', suggestions: feedback.suggestions };
  };
}
