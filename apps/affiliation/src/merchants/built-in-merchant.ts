import { createHash } from 'node:crypto';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database, type Statement } from '@oneq/database';

/** The specification's own test cid, and how its samples spell it: one merchant with one set of orders. */
const CID = 'TC0ONETIME';
const ALIAS = 'TC00NETIME';
const SECRET_KEY = 'sk_test_oneq';

const CREATE: Statement = {
  name: 'create-built-in-merchant',
  text: `
    WITH merchant AS (
      INSERT INTO merchants (cid, opponent_name, store_phone, store_address1, store_address2, post_no, category_cd,
                             built_in, created_at)
      VALUES ($1, '원큐피자 을지로점', '02-2002-1111', '서울특별시 중구', '을지로 35', '04523', 552101, true, now())
      ON CONFLICT (cid) DO NOTHING
      RETURNING id
    ), alias AS (
      INSERT INTO cid_aliases (cid, merchant_id) SELECT $2, id FROM merchant
    )
    INSERT INTO secret_keys (hash, merchant_id) SELECT $3, id FROM merchant`,
};

/** The sandbox's merchant that is there from the first start, so that a first payment needs no affiliation. */
@Injectable()
export class BuiltInMerchant implements OnApplicationBootstrap {
  constructor(private readonly database: Database) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.database.run(CREATE, [CID, ALIAS, createHash('sha256').update(SECRET_KEY).digest('hex')]);
  }
}
