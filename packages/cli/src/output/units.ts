const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `1536` -> `1.5 KiB`; whole bytes below 1 KiB; one decimal below 100. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (step < STEPS.length - 1 && Math.round(value * 10) / 10 >= 1024) {
    value /= 1024;
    step++;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${STEPS[step]}`;
}

/** `830 ms`, `4.2 s`, `3m 07s`, `2h 05m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours === 0) return `${minutes}m ${String(rest).padStart(2, '0')}s`;
  return `${hours}h ${String(minutes).padStart(2, '0')}m`;
}

/** Bytes a second over a span of milliseconds; a span of nothing has no rate. */
export function formatRate(bytes: number, milliseconds: number): string {
  return milliseconds <= 0 ? '-' : `${formatBytes((bytes * 1000) / milliseconds)}/s`;
}

/** `2026-03-01 12:30:05`, UTC. */
export function formatTime(milliseconds: number | string): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ');
}
