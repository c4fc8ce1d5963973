import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The payer's side: which phone pays, the payment password and its lock, and pay money topped up while paying. */
export class AddCheckout implements MigrationInterface {
  readonly name = 'AddCheckout1768000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Won that the linked account adds to the pay money, held with the rest and moved only when the merchant approves.
      ALTER TABLE payments ADD COLUMN top_up_amount bigint NOT NULL DEFAULT 0;
      ALTER TABLE payments
        ADD CONSTRAINT top_up_within_the_amount CHECK (top_up_amount BETWEEN 0 AND amount),
        ADD CONSTRAINT only_pay_money_is_topped_up CHECK (top_up_amount = 0 OR payment_method_type IS NOT DISTINCT FROM 'MONEY');

      ALTER TABLE transfers
        DROP CONSTRAINT transfer_kind_is_known,
        DROP CONSTRAINT capture_names_its_payment,
        ADD CONSTRAINT transfer_kind_is_known CHECK (kind IN ('opening', 'charge', 'top_up', 'capture')),
        ADD CONSTRAINT capture_and_top_up_name_their_payment CHECK ((kind IN ('capture', 'top_up')) = (payment_id IS NOT NULL));
      CREATE UNIQUE INDEX one_top_up_per_payment ON transfers (payment_id) WHERE kind = 'top_up';

      -- Which browser pays. Rows come with the first phone that proceeds; revision grows with each change.
      CREATE TABLE checkouts (
        payment_id    bigint PRIMARY KEY REFERENCES payments,
        bound_session bytea,
        via           text,
        revision      integer NOT NULL DEFAULT 1,
        CONSTRAINT bound_phone_came_somehow CHECK ((bound_session IS NULL) = (via IS NULL)),
        CONSTRAINT via_is_known CHECK (via IN ('qr', 'direct'))
      ) WITH (fillfactor = 70);

      -- 결제 비밀번호: scrypt over the password peppered with a secret that is not in the database.
      CREATE TABLE passwords (
        wallet_id      bigint PRIMARY KEY REFERENCES wallets,
        hash           bytea NOT NULL,
        salt           bytea NOT NULL,
        pepper_version smallint NOT NULL,
        tries_taken    smallint NOT NULL DEFAULT 0,
        locked_until   timestamptz,
        set_at         timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT tries_taken_at_most_five CHECK (tries_taken BETWEEN 0 AND 5),
        CONSTRAINT locked_by_the_fifth_try CHECK ((tries_taken = 5) = (locked_until IS NOT NULL))
      ) WITH (fillfactor = 50);

      -- One attempt to enter the password, spent before it is looked at; its outcome is there for who asks again.
      -- Hash, salt and pepper_version are those of a new password that was entered once.
      CREATE TABLE password_attempts (
        id             uuid PRIMARY KEY,
        payment_id     bigint NOT NULL REFERENCES payments,
        purpose        text NOT NULL,
        try            smallint,
        outcome        text,
        attempts_left  smallint,
        hash           bytea,
        salt           bytea,
        pepper_version smallint,
        claimed_at     timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT purpose_is_known CHECK (purpose IN ('enter', 'set1', 'set2')),
        CONSTRAINT only_entering_takes_a_try CHECK ((purpose = 'enter') = (try IS NOT NULL)),
        CONSTRAINT outcome_is_known CHECK (outcome IN ('right', 'wrong', 'locked', 'repeat')),
        CONSTRAINT wrong_tells_attempts_left CHECK ((outcome IS NOT DISTINCT FROM 'wrong') = (attempts_left IS NOT NULL))
      ) WITH (fillfactor = 70);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE password_attempts, passwords, checkouts;
      DROP INDEX one_top_up_per_payment;
      ALTER TABLE transfers
        DROP CONSTRAINT transfer_kind_is_known,
        DROP CONSTRAINT capture_and_top_up_name_their_payment,
        ADD CONSTRAINT transfer_kind_is_known CHECK (kind IN ('opening', 'charge', 'capture')),
        ADD CONSTRAINT capture_names_its_payment CHECK ((kind = 'capture') = (payment_id IS NOT NULL));
      ALTER TABLE payments DROP COLUMN top_up_amount;
    `);
  }
}
