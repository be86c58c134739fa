import { Cron } from 'croner';
import { nearest } from '../text/nearest.ts';

/** Signs that some cron programs know and Temporal does not, such as `L` for the last day of a month. */
const cronField =
  /^[0-9*,/-]*(?:(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)[0-9*,/-]*)*$/i;

/** What is wrong with a cron line of five fields, as the end of a sentence; undefined if nothing is. */
export function cronFault(line: string): string | undefined {
  const fields = line.trim().split(/\s+/);
  if (fields.length !== 5) {
    return 'must have five fields: minute, hour, day of month, month, day of week';
  }
  const unknown = fields.find((field) => !cronField.test(field));
  if (unknown !== undefined)
    return `must not hold \`${unknown}\`: fields are made of numbers, names, * , - and /`;
  // Cron programs do not agree whether such a line means both or either.
  if (fields[2] !== '*' && fields[4] !== '*')
    return 'must not limit both the day of month and the day of week';
  try {
    const next = new Cron(line, { paused: true, timezone: 'UTC', mode: '5-part' }).nextRun();
    return next === null ? 'must not name a day that never comes' : undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return `must be a cron line: ${reason}`;
  }
}

export function isTimezone(name: string): boolean {
  const known = timezones();
  if (known.includes(name)) return true;
  // Servers look names up by case; the names that Intl knows beside its list are all well-cased aliases.
  if (!/^[A-Z]/.test(name) || known.some((zone) => zone.toLowerCase() === name.toLowerCase())) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function nearestTimezone(name: string): string | undefined {
  return nearest(name, timezones());
}

function timezones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')];
}
