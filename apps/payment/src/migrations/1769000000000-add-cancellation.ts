import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Refunds after the approval, orders that a merchant gave up before they came, and lists of a merchant's payments. */
export class AddCancellation implements MigrationInterface {
  readonly name = 'AddCancellation1769000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE payments ADD COLUMN cancelled_amount bigint NOT NULL DEFAULT 0;
      ALTER TABLE payments
        ADD CONSTRAINT refunds_never_above_the_amount CHECK (cancelled_amount BETWEEN 0 AND amount),
        ADD CONSTRAINT only_what_was_approved_is_refunded CHECK (cancelled_amount = 0 OR approved_at IS NOT NULL),
        ADD CONSTRAINT partly_cancelled_has_a_part_left CHECK (status <> 'PARTIALLY_CANCELLED'
          OR cancelled_amount BETWEEN 1 AND amount - 1),
        ADD CONSTRAINT cancelled_has_nothing_left CHECK (status <> 'CANCELLED' OR approved_at IS NULL OR cancelled_amount = amount);

      -- For the merchant's list, newest first. It names nothing that ever changes, so that updates stay within their page.
      CREATE INDEX payments_of_merchant_by_time ON payments (cid, created_at, id);

      ALTER TABLE transfers
        DROP CONSTRAINT transfer_kind_is_known,
        DROP CONSTRAINT capture_and_top_up_name_their_payment,
        DROP CONSTRAINT charge_has_a_reference,
        ADD CONSTRAINT transfer_kind_is_known CHECK (kind IN ('opening', 'charge', 'top_up', 'capture', 'refund')),
        ADD CONSTRAINT payment_is_named CHECK ((kind IN ('top_up', 'capture', 'refund')) = (payment_id IS NOT NULL)),
        ADD CONSTRAINT charge_and_refund_have_a_reference CHECK ((kind IN ('charge', 'refund')) = (reference IS NOT NULL));
      ALTER INDEX one_charge_per_reference RENAME TO one_transfer_per_reference;

      -- Why, in the merchant's words.
      ALTER TABLE events ADD COLUMN reason text;

      -- 망취소: an order that its merchant gave up before it was prepared. An approval until then is too late.
      CREATE TABLE given_up_orders (
        cid      text NOT NULL,
        order_id text NOT NULL,
        until    timestamptz NOT NULL,
        CONSTRAINT an_order_is_given_up_once PRIMARY KEY (cid, order_id)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE given_up_orders;
      ALTER TABLE events DROP COLUMN reason;
      ALTER INDEX one_transfer_per_reference RENAME TO one_charge_per_reference;
      ALTER TABLE transfers
        DROP CONSTRAINT transfer_kind_is_known,
        DROP CONSTRAINT payment_is_named,
        DROP CONSTRAINT charge_and_refund_have_a_reference,
        ADD CONSTRAINT transfer_kind_is_known CHECK (kind IN ('opening', 'charge', 'top_up', 'capture')),
        ADD CONSTRAINT capture_and_top_up_name_their_payment CHECK ((kind IN ('capture', 'top_up')) = (payment_id IS NOT NULL)),
        ADD CONSTRAINT charge_has_a_reference CHECK ((kind = 'charge') = (reference IS NOT NULL));
      DROP INDEX payments_of_merchant_by_time;
      ALTER TABLE payments DROP COLUMN cancelled_amount;
    `);
  }
}
