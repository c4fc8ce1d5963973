import { clock, countdown, dateAndTime, duration, pieces, won } from './format';

const AFTERNOON = Date.parse('2026-11-23T15:42:10+09:00');

describe('amounts and counts', () => {
  it('are grouped and carry their unit', () => {
    expect([won(16_000, 'ko'), won(16_000, 'en'), won(2_147_483_647, 'ko'), won(0, 'en')]).toEqual([
      '16,000원',
      '16,000 won',
      '2,147,483,647원',
      '0 won',
    ]);
    expect([pieces(1_000, 'ko'), pieces(1_000, 'en')]).toEqual(['1,000개', '1,000']);
  });
});

describe('times', () => {
  it('are those of Seoul, wherever the machine is', () => {
    expect(dateAndTime(AFTERNOON, 'ko')).toBe('2026. 11. 23. 오후 3:42');
    expect(dateAndTime(AFTERNOON, 'en')).toBe('23 Nov 2026, 3:42 PM (KST)');
    expect(dateAndTime(Date.parse('2026-12-31T16:00:00Z'), 'ko')).toBe('2027. 1. 1. 오전 1:00');
  });

  it.each([
    ['00:05', '오전 12:05', '12:05 AM'],
    ['11:59', '오전 11:59', '11:59 AM'],
    ['12:00', '오후 12:00', '12:00 PM'],
    ['23:07', '오후 11:07', '11:07 PM'],
  ])('name the half of the day: %s', (time, ko, en) => {
    const ms = Date.parse(`2026-11-23T${time}:00+09:00`);
    expect([clock(ms, 'ko'), clock(ms, 'en')]).toEqual([ko, en]);
  });

  it.each([
    [872_000, '14분 32초', '14 min 32 s'],
    [785_000, '13분 05초', '13 min 05 s'],
    [60_000, '1분 00초', '1 min 00 s'],
    [59_001, '1분 00초', '1 min 00 s'],
    [9_000, '9초', '9 s'],
    [-5, '0초', '0 s'],
  ])('count down: %d ms', (ms, ko, en) => {
    expect([countdown(ms, 'ko'), countdown(ms, 'en')]).toEqual([ko, en]);
  });

  it.each([
    [1_800, '30분', '30 minutes'],
    [61, '2분', '2 minutes'],
    [60, '1분', '1 minute'],
    [5, '5초', '5 seconds'],
    [1, '1초', '1 second'],
  ])('are long: %d s', (seconds, ko, en) => {
    expect([duration(seconds, 'ko'), duration(seconds, 'en')]).toEqual([ko, en]);
  });
});
