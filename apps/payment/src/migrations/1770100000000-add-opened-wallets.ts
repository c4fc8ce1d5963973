import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Wallets that an operator opens. */
export class AddOpenedWallets implements MigrationInterface {
  readonly name = 'AddOpenedWallets1770100000000';

  async up(runner: QueryRunner): Promise<void> {
    // By which the command that opened a wallet is known again; null where a sandbox payment did. Compared, never searched.
    await runner.query('ALTER TABLE wallets ADD COLUMN opening_reference uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE wallets DROP COLUMN opening_reference');
  }
}
