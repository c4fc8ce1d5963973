import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Webhooks: where each merchant wants its events, what is to be delivered, each attempt; and the feed of events. */
export class AddWebhooks implements MigrationInterface {
  readonly name = 'AddWebhooks1770000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- xid: the transaction that wrote the event. Ids are given out before the commit, so their order alone would let a
      -- reader pass by an event that commits late. What was there before counts as written now.
      ALTER TABLE events
        ADD COLUMN cid text,
        ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
      ALTER TABLE events DISABLE TRIGGER events_are_never_changed;
      UPDATE events SET cid = payments.cid FROM payments WHERE payments.id = payment_id;
      ALTER TABLE events ENABLE TRIGGER events_are_never_changed;
      ALTER TABLE events ALTER COLUMN cid SET NOT NULL;
      -- The feed's order. With the time in it, events that are too old are passed over without reading them.
      CREATE INDEX events_of_merchant ON events (cid, xid, id) INCLUDE (at);

      -- A merchant has one row, from its first webhook on. No secret is stored: it is derived from the versions here.
      CREATE TABLE webhook_endpoints (
        id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cid                    text NOT NULL CONSTRAINT one_webhook_per_merchant UNIQUE,
        url                    text NOT NULL,
        private_allowed        boolean NOT NULL,
        enabled                boolean NOT NULL DEFAULT true,
        secret_version         integer NOT NULL DEFAULT 1,
        key_version            smallint NOT NULL,
        old_secret_version     integer,
        old_key_version        smallint,
        old_secret_until       timestamptz,
        rotated_by             uuid,
        failing_since          timestamptz,
        created_at             timestamptz NOT NULL DEFAULT now(),
        deleted_at             timestamptz,
        CONSTRAINT deleted_is_not_enabled CHECK (deleted_at IS NULL OR NOT enabled),
        CONSTRAINT secret_versions_count_from_one CHECK (secret_version >= 1),
        CONSTRAINT an_old_secret_ends CHECK ((old_secret_version IS NULL) = (old_secret_until IS NULL)
          AND (old_secret_version IS NULL) = (old_key_version IS NULL))
      ) WITH (fillfactor = 50);

      -- One event on its way to its merchant. Written in the statement that changes the payment, from a join with the rows
      -- it names, so it has no foreign keys: their share locks would all meet at the merchant's one endpoint.
      -- claims counts how often a worker took it, and is the number that the worker's result must still carry.
      -- tries is the place in the schedule; it starts anew when the merchant has it sent again, attempts_made never does.
      CREATE TABLE webhook_deliveries (
        id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        endpoint_id     bigint NOT NULL,
        cid             text NOT NULL,
        url             text NOT NULL,
        event_id        bigint,
        payment_id      bigint,
        sequence        integer,
        type            text NOT NULL,
        status          text NOT NULL DEFAULT 'pending',
        attempts_made   integer NOT NULL DEFAULT 0,
        tries           smallint NOT NULL DEFAULT 0,
        claims          integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz DEFAULT now(),
        created_at      timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT delivery_status_is_known CHECK (status IN ('pending', 'delivered', 'failed')),
        CONSTRAINT only_pending_has_a_next_attempt CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
        CONSTRAINT only_a_test_has_no_event CHECK ((type = 'webhook.test') = (event_id IS NULL)
          AND (event_id IS NULL) = (payment_id IS NULL) AND (event_id IS NULL) = (sequence IS NULL))
      ) WITH (fillfactor = 70);
      CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE status = 'pending';
      CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (cid, id) WHERE status = 'failed';
      CREATE INDEX webhook_deliveries_of_merchant ON webhook_deliveries (cid, id);
      CREATE INDEX webhook_deliveries_of_payment ON webhook_deliveries (payment_id, sequence) WHERE payment_id IS NOT NULL;

      CREATE TABLE webhook_attempts (
        delivery_id bigint NOT NULL REFERENCES webhook_deliveries,
        number      integer NOT NULL,
        at          timestamptz NOT NULL,
        http_status smallint,
        duration_ms integer NOT NULL,
        response    text NOT NULL,
        CONSTRAINT an_attempt_is_recorded_once PRIMARY KEY (delivery_id, number),
        CONSTRAINT attempts_on_deliveries_count_from_one CHECK (number >= 1)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE webhook_attempts, webhook_deliveries, webhook_endpoints;
      ALTER TABLE events DROP COLUMN cid, DROP COLUMN xid;
    `);
  }
}
