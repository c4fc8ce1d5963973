import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The ledger. What must never be false is a constraint whose name is the sentence.
 * `fillfactor` leaves room on each page so that an update of status or balance touches no index (HOT); for the same
 * reason no index names such a column.
 */
export class CreateLedger implements MigrationInterface {
  readonly name = 'CreateLedger1767000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- 지갑: the money of one account holder, in two pots. Amounts are won; a balance includes what is held.
      CREATE TABLE wallets (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_index  bytea NOT NULL CONSTRAINT one_wallet_per_account UNIQUE,
        account_sealed bytea NOT NULL,
        account_last4  text NOT NULL,
        money_balance  bigint NOT NULL DEFAULT 0,
        money_held     bigint NOT NULL DEFAULT 0,
        bank_balance   bigint NOT NULL DEFAULT 0,
        bank_held      bigint NOT NULL DEFAULT 0,
        opened_at      timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT money_balance_not_below_zero CHECK (money_balance >= 0),
        CONSTRAINT money_held_not_below_zero CHECK (money_held >= 0),
        CONSTRAINT money_held_not_above_balance CHECK (money_held <= money_balance),
        CONSTRAINT bank_balance_not_below_zero CHECK (bank_balance >= 0),
        CONSTRAINT bank_held_not_below_zero CHECK (bank_held >= 0),
        CONSTRAINT bank_held_not_above_balance CHECK (bank_held <= bank_balance)
      ) WITH (fillfactor = 50);

      -- 결제: one attempt to pay one order. order_id means the attempt with the highest number.
      CREATE TABLE payments (
        id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cid                   text NOT NULL,
        order_id              text NOT NULL,
        attempt               integer NOT NULL,
        merchant_name         text NOT NULL,
        category_cd           integer NOT NULL,
        opponent_name         text NOT NULL,
        item_name             text NOT NULL,
        item_code             text,
        member_id             text NOT NULL,
        quantity              integer NOT NULL,
        amount                bigint NOT NULL,
        permitted_method_type text,
        wallet_id             bigint NOT NULL REFERENCES wallets,
        bank_acct_alias       text,
        balance               bigint NOT NULL,
        approval_url          text NOT NULL,
        cancel_url            text NOT NULL,
        fail_url              text NOT NULL,
        checkout_version      smallint NOT NULL,
        status                text NOT NULL DEFAULT 'READY',
        sequence              integer NOT NULL DEFAULT 0,
        payment_method_type   text,
        tran_dt               text,
        created_at            timestamptz NOT NULL DEFAULT now(),
        expires_at            timestamptz NOT NULL,
        authenticated_at      timestamptz,
        approved_at           timestamptz,
        finished_at           timestamptz,
        closing_reference     uuid,
        CONSTRAINT one_payment_per_attempt_at_an_order UNIQUE (cid, order_id, attempt),
        CONSTRAINT amount_above_zero CHECK (amount BETWEEN 1 AND 2147483647),
        CONSTRAINT quantity_above_zero CHECK (quantity >= 1),
        CONSTRAINT declared_balance_not_below_zero CHECK (balance >= 0),
        CONSTRAINT attempts_count_from_one CHECK (attempt >= 1),
        CONSTRAINT status_is_known CHECK (status IN
          ('READY', 'AUTHENTICATED', 'APPROVED', 'PARTIALLY_CANCELLED', 'CANCELLED', 'FAILED', 'EXPIRED')),
        CONSTRAINT methods_are_known CHECK (permitted_method_type IN ('계좌', 'MONEY')
          AND payment_method_type IN ('계좌', 'MONEY')),
        CONSTRAINT paid_with_a_permitted_method CHECK (payment_method_type = permitted_method_type),
        CONSTRAINT ready_has_no_method CHECK (status <> 'READY' OR payment_method_type IS NULL),
        CONSTRAINT authenticated_has_a_method_and_time CHECK (status NOT IN ('AUTHENTICATED', 'APPROVED', 'PARTIALLY_CANCELLED')
          OR (payment_method_type IS NOT NULL AND authenticated_at IS NOT NULL)),
        CONSTRAINT approved_has_a_time CHECK (status NOT IN ('APPROVED', 'PARTIALLY_CANCELLED')
          OR (approved_at IS NOT NULL AND tran_dt IS NOT NULL)),
        CONSTRAINT finished_has_a_time CHECK ((status IN ('CANCELLED', 'FAILED', 'EXPIRED')) = (finished_at IS NOT NULL)),
        CONSTRAINT failed_and_expired_never_paid CHECK (status NOT IN ('FAILED', 'EXPIRED') OR approved_at IS NULL)
      ) WITH (fillfactor = 70);

      -- When to look whether a payment has run out of time: the narrow table of the expiry worker.
      CREATE TABLE expiry_checks (
        payment_id bigint PRIMARY KEY REFERENCES payments,
        check_at   timestamptz NOT NULL
      );
      CREATE INDEX expiry_checks_by_time ON expiry_checks (check_at);

      -- 원장: every movement of money is one row, from one account to another, so it balances by construction.
      -- Accounts: wallet/ID/money, wallet/ID/bank, merchant/CID, outside/sandbox.
      CREATE TABLE transfers (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind           text NOT NULL,
        debit_account  text NOT NULL,
        credit_account text NOT NULL,
        amount         bigint NOT NULL,
        payment_id     bigint REFERENCES payments,
        reference      uuid,
        created_at     timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT transfer_amount_above_zero CHECK (amount > 0),
        CONSTRAINT transfer_kind_is_known CHECK (kind IN ('opening', 'charge', 'capture')),
        CONSTRAINT money_moves_between_two_accounts CHECK (debit_account <> credit_account),
        CONSTRAINT capture_names_its_payment CHECK ((kind = 'capture') = (payment_id IS NOT NULL)),
        CONSTRAINT charge_has_a_reference CHECK ((kind = 'charge') = (reference IS NOT NULL))
      );
      CREATE UNIQUE INDEX one_capture_per_payment ON transfers (payment_id) WHERE kind = 'capture';
      CREATE UNIQUE INDEX one_charge_per_reference ON transfers (reference) WHERE reference IS NOT NULL;

      -- Outbox: one row per change of state, written in the same statement.
      CREATE TABLE events (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        payment_id bigint NOT NULL REFERENCES payments,
        sequence   integer NOT NULL,
        type       text NOT NULL,
        status     text NOT NULL,
        amount     bigint NOT NULL,
        at         timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT one_event_per_sequence UNIQUE (payment_id, sequence),
        CONSTRAINT sequence_counts_from_one CHECK (sequence >= 1),
        CONSTRAINT event_type_is_known CHECK (type IN
          ('payment.authenticated', 'payment.approved', 'payment.cancelled', 'payment.failed', 'payment.expired'))
      );

      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
      END $$;
      CREATE TRIGGER transfers_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
      CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE events, transfers, expiry_checks, payments, wallets; DROP FUNCTION refuse_change');
  }
}
