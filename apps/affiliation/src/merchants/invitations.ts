import { Inject, Injectable } from '@nestjs/common';
import { type InviteCommand, type Invited, OneQError, toSeoulTime, type Words } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';

/** The same command again finds the invitation that it made. */
const INVITE: Statement = {
  name: 'invite',
  text: `
    WITH invitation AS (
      INSERT INTO invitations (hash, business_no, expires_at) VALUES ($1, $2, now() + make_interval(days => $3))
      ON CONFLICT (hash) DO NOTHING
      RETURNING expires_at
    )
    SELECT expires_at FROM invitation UNION ALL SELECT expires_at FROM invitations WHERE hash = $1 LIMIT 1`,
};

const CHECK: Statement = {
  name: 'check-invitation',
  text: 'SELECT FROM invitations WHERE hash = $1 AND (used_by IS NOT NULL OR expires_at > now())',
};

/** What is wrong with an invitation that opens nothing: unknown, used, expired, or another business's. */
export const INVITATION_INVALID: Words = {
  ko: '유효하지 않은 초대입니다. 이미 사용되었거나 만료되었을 수 있으니 원큐페이에 새 초대를 요청해 주세요.',
  en: 'This invitation is not valid; it may be used or expired. Ask OneQ Pay for a new one.',
};

/** 초대: lets a business affiliate in live mode, once. Only its hash is kept. */
@Injectable()
export class Invitations {
  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  async invite({ invitation_hash, business_no, days }: InviteCommand): Promise<Invited> {
    const values = [invitation_hash, business_no ?? null, days];
    const [invitation] = await this.database.run<{ expires_at: Date }>(INVITE, values);
    if (!invitation) throw new OneQError('INTERNAL_ERROR'); // the same command is running: asked again, it is there
    this.log.info({ business_no, event: 'merchant.invited' }, 'invited');
    return { expires_at: toSeoulTime(invitation.expires_at) };
  }

  /**
   * Whether an invitation may open anything: a used one still answers the request that used it. Who it is for is decided
   * where it is used.
   * @throws {OneQError} SECRET_KEY_INVALID
   */
  async check(hash: string): Promise<{ readonly known: true }> {
    const found = await this.database.run(CHECK, [hash]);
    if (found.length === 0) throw new OneQError('SECRET_KEY_INVALID', { detail: INVITATION_INVALID });
    return { known: true };
  }
}
