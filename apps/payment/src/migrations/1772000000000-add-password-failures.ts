import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many passwords were wrong, by who sent them, so that nobody can lock wallets in bulk. */
export class AddPasswordFailures implements MigrationInterface {
  readonly name = 'AddPasswordFailures1772000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The passwords of one hour of the clock from one client address (subject is a keyed hash, and part is 0), or for
      -- one merchant (its cid, in parts by wallet, so that the payers of a busy merchant do not wait for one row).
      CREATE TABLE password_failures (
        hour    timestamptz NOT NULL,
        scope   text NOT NULL,
        subject text NOT NULL,
        part    smallint NOT NULL,
        wrong   integer NOT NULL DEFAULT 0,
        correct integer NOT NULL DEFAULT 0,
        CONSTRAINT one_count_of_each_hour PRIMARY KEY (hour, scope, subject, part),
        CONSTRAINT scope_is_known CHECK (scope IN ('address', 'merchant')),
        CONSTRAINT counts_are_not_negative CHECK (wrong >= 0 AND correct >= 0)
      ) WITH (fillfactor = 50);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE password_failures');
  }
}
