/** C0 and C1 controls, DEL, and the marks that turn the direction of the text after them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be replaced
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * A name as it may be shown. Names come from other machines and from file systems that allow any byte: whatever could
 * steer the terminal is shown as an escape, and the backslash as two, so that no name looks like another.
 */
export function printable(name: string): string {
  return harmless(name.replaceAll('\\', '\\\\'));
}

/** A sentence that may quote names: control characters escaped, the rest as it is. */
export function harmless(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const point = character.codePointAt(0) as number;
    return point < 0x100 ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u${point.toString(16).padStart(4, '0')}`;
  });
}
