/** Figures as words. */

/** Write milliseconds with three figures: `"0.41 ms"`, `"12.3 ms"`, `"1.20 s"`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms >= 10_000 ? 1 : 2)} s`;
  return `${ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : 2)} ms`;
}

/** Write bytes as MB (10^6 bytes). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share >= 0.0995 ? 0 : 1)} %`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Write how much longer something takes, roughly. */
export function timeLeft(seconds: number): string {
  if (seconds < 8) return "a few seconds left";
  if (seconds < 100) return `about ${5 * Math.round(seconds / 5)} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}
