import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateMerchants implements MigrationInterface {
  readonly name = 'CreateMerchants1767000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE merchants (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cid            text NOT NULL CONSTRAINT one_merchant_per_cid UNIQUE,
        business_no    text CONSTRAINT one_merchant_per_business UNIQUE,
        opponent_name  text NOT NULL,
        store_phone    text NOT NULL,
        store_address1 text NOT NULL,
        store_address2 text NOT NULL,
        post_no        text,
        category_cd    integer NOT NULL,
        status         text NOT NULL DEFAULT 'active',
        built_in       boolean NOT NULL DEFAULT false,
        created_at     timestamptz NOT NULL,
        approved_at    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT cid_is_ten_capitals_or_digits CHECK (cid ~ '^[A-Z0-9]{10}$'),
        CONSTRAINT business_no_is_ten_digits CHECK (business_no ~ '^[0-9]{10}$'),
        CONSTRAINT only_the_built_in_merchant_is_no_business CHECK (built_in OR business_no IS NOT NULL),
        CONSTRAINT category_cd_has_up_to_six_digits CHECK (category_cd BETWEEN 1 AND 999999),
        CONSTRAINT status_is_active_or_suspended CHECK (status IN ('active', 'suspended')),
        CONSTRAINT approved_after_requested CHECK (approved_at >= created_at)
      );

      CREATE TABLE secret_keys (
        hash        text PRIMARY KEY,
        merchant_id bigint NOT NULL REFERENCES merchants,
        created_at  timestamptz NOT NULL DEFAULT now(),
        expires_at  timestamptz,
        CONSTRAINT hash_is_sha256_in_hex CHECK (hash ~ '^[0-9a-f]{64}$')
      );
      CREATE INDEX secret_keys_of_merchant ON secret_keys (merchant_id);

      CREATE TABLE cid_aliases (
        cid         text PRIMARY KEY,
        merchant_id bigint NOT NULL REFERENCES merchants,
        CONSTRAINT alias_is_ten_capitals_or_digits CHECK (cid ~ '^[A-Z0-9]{10}$')
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cid_aliases, secret_keys, merchants');
  }
}
