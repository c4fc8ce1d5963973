import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys that are replaced by others, invitations to affiliate, and a merchant's limit. */
export class AddKeyRotation implements MigrationInterface {
  readonly name = 'AddKeyRotation1770000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- keys_changed counts changes of the merchant's keys, so that two of them never work on the same old state.
      -- payment_max is won.
      ALTER TABLE merchants
        ADD COLUMN keys_changed integer NOT NULL DEFAULT 0,
        ADD COLUMN payment_max bigint,
        ADD CONSTRAINT payment_max_is_an_amount CHECK (payment_max BETWEEN 1 AND 2147483647);

      -- What the issue of a key did to the older ones: gave them until a time, or lets them end when it is first used.
      ALTER TABLE secret_keys
        ADD COLUMN older_expire_at timestamptz,
        ADD COLUMN ends_older_when_used boolean NOT NULL DEFAULT false,
        ADD CONSTRAINT older_keys_end_at_a_time_or_by_use CHECK (NOT ends_older_when_used OR older_expire_at IS NULL);

      -- 초대: lets one business affiliate, once. business_no is null where it is for any.
      CREATE TABLE invitations (
        hash        text PRIMARY KEY,
        business_no text,
        created_at  timestamptz NOT NULL DEFAULT now(),
        expires_at  timestamptz NOT NULL,
        used_by     bigint REFERENCES merchants CONSTRAINT one_invitation_per_merchant UNIQUE,
        used_at     timestamptz,
        CONSTRAINT invitation_hash_is_sha256_in_hex CHECK (hash ~ '^[0-9a-f]{64}$'),
        CONSTRAINT invited_business_no_is_ten_digits CHECK (business_no ~ '^[0-9]{10}$'),
        CONSTRAINT invitation_expires_after_it_was_made CHECK (expires_at > created_at),
        CONSTRAINT used_invitation_has_a_time CHECK ((used_by IS NULL) = (used_at IS NULL)),
        CONSTRAINT invitation_used_before_it_expired CHECK (used_at < expires_at)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE invitations;
      ALTER TABLE secret_keys DROP COLUMN older_expire_at, DROP COLUMN ends_older_when_used;
      ALTER TABLE merchants DROP COLUMN keys_changed, DROP COLUMN payment_max;
    `);
  }
}
