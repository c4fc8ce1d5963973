import { fromSeoulTime, toSeoulTime } from './seoul-time';

describe('Seoul time', () => {
  it('is nine hours ahead of UTC, in the format of the specification', () => {
    expect(toSeoulTime(new Date('2016-11-15T12:18:22.999Z'))).toBe('2016.11.15 21:18:22');
    expect(toSeoulTime(new Date('2016-12-31T15:00:00Z'))).toBe('2017.01.01 00:00:00');
  });

  it('agrees with the time zone database', () => {
    const intl = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul', dateStyle: 'short', timeStyle: 'medium' });
    const times = ['1990-03-01T00:00:00Z', '2024-02-29T14:59:59Z', '2026-11-23T15:00:00Z', '2026-11-23T14:59:59.999Z'];
    const everyHour = Array.from({ length: 60 }, (_, i) => Date.UTC(2023, 11, 30, i, i, 59 - i));
    for (const instant of [...times, ...everyHour].map((time) => new Date(time))) {
      expect(toSeoulTime(instant)).toBe(intl.format(instant).replaceAll('-', '.'));
    }
  });

  it('reads back what it writes', () => {
    expect(fromSeoulTime('2016.11.15 21:18:22')?.toISOString()).toBe('2016-11-15T12:18:22.000Z');
  });

  it.each([
    '2016.02.30 00:00:00',
    '2015.02.29 00:00:00',
    '2016.11.15 24:00:00',
    '2016.11.15 23:60:00',
    '',
    '2016.11.15',
  ])('does not know %p', (text) => {
    expect(fromSeoulTime(text)).toBeNull();
  });
});
