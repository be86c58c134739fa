const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 3650 * unitMs.d;

/** A whole number and a unit: "90s", "30m", "12h", "7d". Never zero. */
export const durationPattern = /^([1-9][0-9]{0,8})([smhd])$/;

/** The same for the reference. */
export const durationForms =
  'A duration is a whole number of seconds, minutes, hours or days: `90s`, `30m`, `12h`, `7d`. It is more than 0 and at most ' +
  'ten years.';

/** Milliseconds as a file would say them: "90s", "12h". */
export function durationOf(ms: number): string {
  const [unit, each] = (Object.entries(unitMs).findLast(([, each]) => ms % each === 0) ?? ['ms', 1]) as [
    string,
    number,
  ];
  return `${ms / each}${unit}`;
}

/** Milliseconds of a duration such as "90s"; undefined for any other text and above ten years. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const ms = Number(count) * unitMs[unit as keyof typeof unitMs];
  return ms <= longestMs ? ms : undefined;
}
