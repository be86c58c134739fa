import { describe, expect, test } from 'vitest';
import { cronFault, isTimezone, nearestTimezone } from './calendar.ts';

describe('cron lines', () => {
  test.each([
    '0 3 * * 0',
    '0 3 * * 7',
    '*/5 1-3,7 * jan MON-FRI',
    '0 0 1,15 * *',
    '30 6-18/2 * * sat,sun',
    '0 0 29 2 *',
    '  0   3 * * *  ',
  ])('%s', (line) => {
    expect(cronFault(line)).toBeUndefined();
  });

  test.each([
    ['', 'must have five fields: minute, hour, day of month, month, day of week'],
    ['0 3 * *', 'must have five fields: minute, hour, day of month, month, day of week'],
    ['0 0 3 * * *', 'must have five fields: minute, hour, day of month, month, day of week'],
    ['@daily', 'must have five fields: minute, hour, day of month, month, day of week'],
    ['60 * * * *', 'must be a cron line: Invalid value for minute: 60'],
    ['0 24 * * *', 'must be a cron line: Invalid value for hour: 24'],
    ['*/0 * * * *', 'must be a cron line: Syntax error, illegal stepping: 0'],
    ['5-3 * * * *', "must be a cron line: From value is larger than to value: '5-3'"],
    ['0 3 L * *', 'must not hold `L`: fields are made of numbers, names, * , - and /'],
    ['0 3 * * 5#2', 'must not hold `5#2`: fields are made of numbers, names, * , - and /'],
    ['0 3 ? * 1', 'must not hold `?`: fields are made of numbers, names, * , - and /'],
    ['0 3 * foo *', 'must not hold `foo`: fields are made of numbers, names, * , - and /'],
    ['0 3 1 * 1', 'must not limit both the day of month and the day of week'],
    ['0 3 31 2 *', 'must not name a day that never comes'],
  ])('refuses %j', (line, fault) => {
    expect(cronFault(line)).toBe(fault);
  });
});

describe('time zones', () => {
  test.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'US/Pacific', 'Etc/GMT+3'])(
    '%s',
    (name) => {
      expect(isTimezone(name)).toBe(true);
    },
  );

  test.each(['', 'Berlin', 'europe/berlin', 'utc', '+01:00', 'Mars/Base'])('refuses %j', (name) => {
    expect(isTimezone(name)).toBe(false);
  });

  test('the nearest one', () => {
    expect(nearestTimezone('Europe/Berln')).toBe('Europe/Berlin');
    expect(nearestTimezone('europe/berlin')).toBe('Europe/Berlin');
  });
});
