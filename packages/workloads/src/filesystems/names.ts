/** Whether it is a name that leads nowhere else; others are planted, or damage. */
export function isName(name: Buffer): boolean {
  if (name.length === 0 || name.includes(0) || name.includes('/')) return false;
  const text = name.toString('latin1');
  return text !== '.' && text !== '..';
}
