import { PasswordHasher } from '../../apps/payment/src/checkout/password-hasher';
import { AUTHENTICATED, HttpContender, turn } from '../contenders';
import { percentileOf } from '../load/histogram';
import { median, timed, withSpread } from '../measure';
import { APPROVE_STEP, BALANCE, CID, ORDER, REDIRECTS } from '../orders';
import { Payer } from '../payer';
import { fact, type Row } from '../report';
import type { Section } from '../section';
import type { World } from '../world';

const PASSWORD_DIGITS = '482915';
const PAYERS = 4;
const APPROVALS_PER_SECOND = 50;

/** Checks of payment passwords: what one costs, and that approvals go on beside a rush of them. */
export const PASSWORD: Section = {
  name: 'password',
  async measure(context) {
    const { quick } = context.options;
    context.progress('hashes on their own');
    const own = await hashes(quick ? 20 : 100);
    const world = await context.world(10_000);
    const approvals = new HttpContender(world, 'approve', world.platform, [APPROVE_STEP], AUTHENTICATED);
    const alone: number[] = [];
    const beside: number[] = [];
    const entered: number[] = [];
    for (let round = 0; round <= 3; round += 1) {
      context.progress(round === 0 ? 'warming up' : `approvals without and with passwords, round ${round} of 3`);
      const seconds = quick ? 3 : 10;
      const p99 = async () => {
        const { latencies } = await turn(world, approvals, seconds, APPROVALS_PER_SECOND);
        return percentileOf(latencies?.approve ?? [], 0.99);
      };
      const without = await p99();
      const rush = new Rush(world, round);
      const along = await p99().finally(() => rush.end());
      const perSecond = await rush.end();
      if (round === 0) continue;
      alone.push(without);
      beside.push(along);
      entered.push(perSecond);
    }
    const rows: Row[] = [
      fact('one hash on its own, ms', withSpread(own.ms, 1)),
      fact('hashes a second, two at a time', own.perSecond.toFixed(0)),
      fact('passwords entered a second, with their pages', withSpread(entered, 1)),
      fact(`p99 of ${APPROVALS_PER_SECOND} approvals a second, ms`, withSpread(alone, 1)),
      fact(
        'the same beside the passwords, ms',
        `${withSpread(beside, 1)}, ${(median(beside) / median(alone)).toFixed(2)} ×`,
      ),
    ];
    return { rows, data: { own, alone, beside, entered } };
  },
};

async function hashes(count: number): Promise<{ ms: number[]; perSecond: number }> {
  const hasher = new PasswordHasher(new Map([[1, 'a pepper for the benchmark, nobody’s']]));
  const stored = await hasher.hash(PASSWORD_DIGITS);
  const ms: number[] = [];
  for (let i = 0; i < count; i += 1) ms.push(await timed(() => hasher.matches(PASSWORD_DIGITS, stored)));
  const checks = Array.from({ length: count }, () => hasher.inTurn(() => hasher.matches(PASSWORD_DIGITS, stored)));
  return { ms, perSecond: (count / (await timed(() => Promise.all(checks)))) * 1_000 };
}

/** Payers who pay one order after the other with their password. */
class Rush {
  private readonly begun = performance.now();
  private readonly payers: Promise<number>;
  private ending = false;
  private entered = 0;

  constructor(
    private readonly world: World,
    private readonly round: number,
  ) {
    const accounts = Array.from({ length: PAYERS }, (_, i) => String(660_000_000_000 + i));
    this.payers = Promise.all(accounts.map((account) => this.pay(account))).then(
      () => (this.entered / (performance.now() - this.begun)) * 1_000,
    );
    // What goes wrong meanwhile is told at the end.
    this.payers.catch(() => {});
  }

  /** @returns passwords entered a second */
  end(): Promise<number> {
    this.ending = true;
    return this.payers;
  }

  private async pay(bank_acct_num: string): Promise<void> {
    const { url } = this.world.platform;
    for (let i = 0; !this.ending; i += 1) {
      const order_id = `password-${this.round}-${bank_acct_num}-${i}`;
      const fields = { cid: CID, ...ORDER, order_id, bank_acct_num, balance: BALANCE, ...REDIRECTS };
      const response = await fetch(`${url}/pay`, { method: 'POST', body: new URLSearchParams(fields) });
      const { android_app_scheme } = (await response.json()) as { android_app_scheme: string };
      const phone = new Payer(url);
      const scanned = `${android_app_scheme}&via=qr`;
      await phone.begin(scanned);
      const { status } = await phone.enter(scanned, PASSWORD_DIGITS);
      if (status !== 200) throw new Error(`the password was answered with ${status}`);
      this.entered += 1;
    }
  }
}
