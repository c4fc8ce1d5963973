import { TEST_SECRET } from '@oneq/testing';
import { isWeak, PasswordHasher } from './password-hasher';

const OLD = `${TEST_SECRET}-old`;

describe('payment passwords', () => {
  const hasher = new PasswordHasher(
    new Map([
      [1, OLD],
      [2, TEST_SECRET],
    ]),
  );

  it('match their own hash and no other', async () => {
    const hashed = await hasher.hash('482915');
    expect(hashed.pepper_version).toBe(2);
    expect(await hasher.matches('482915', hashed)).toBe(true);
    expect(await hasher.matches('482916', hashed)).toBe(false);
  });

  it('have a salt of their own: equal ones do not show', async () => {
    const [one, two] = await Promise.all([hasher.hash('482915'), hasher.hash('482915')]);
    expect(one.hash.equals(two.hash)).toBe(false);
  });

  it('do not match without the pepper, which is not in the database', async () => {
    const hashed = await new PasswordHasher(new Map([[1, OLD]])).hash('482915');
    expect(await hasher.matches('482915', hashed)).toBe(true);
    const stolen = new PasswordHasher(new Map([[1, `${TEST_SECRET}-guess`]]));
    expect(await stolen.matches('482915', hashed)).toBe(false);
    await expect(new PasswordHasher(new Map([[3, OLD]])).matches('482915', hashed)).rejects.toThrow('version 1');
  });

  it('are looked at two at a time, and no more than a hundred wait', async () => {
    let running = 0;
    let most = 0;
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const work = async () => {
      running += 1;
      most = Math.max(most, running);
      await finished;
      running -= 1;
    };
    const taken = Array.from({ length: 102 }, () => hasher.inTurn(work));
    await expect(hasher.inTurn(work)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    finish();
    await Promise.all(taken);
    expect(most).toBe(2);
    await hasher.inTurn(async () => {}); // a turn that failed or ended makes room for the next
  });

  it.each(['111482', '482111', '480004', '123482', '482123', '321482', '489876', '000000', '012345', '765432'])(
    'may not be %s, which is easy to guess',
    (password) => {
      expect(isWeak(password)).toBe(true);
    },
  );

  it.each(['482915', '112233', '121212', '135791', '908070', '890189', '911911'])('may be %s', (password) => {
    expect(isWeak(password)).toBe(false);
  });
});
