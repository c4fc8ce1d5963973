/**
 * The least that one could write: one process with Fastify and `pg`, the platform's statements, compiled validation and
 * serialisation of forms and answers; no Nest, no NATS, no second validation, no logs, metrics or error documents.
 */
import { parse } from 'node:querystring';
import { POOL_IDLE_MS, POOL_SIZE } from '@oneq/database';
import { fastify } from 'fastify';
import { Pool, types } from 'pg';
import { APPROVE } from '../../apps/payment/src/payments/approve';
import { AUTHENTICATE } from '../../apps/payment/src/payments/authenticate';
import { PREPARE } from '../../apps/payment/src/payments/prepare';
import { authenticatedAnswer, isMerchant, MERCHANT, partsOf, preparedAnswer, serveUntilDisconnected } from './server';

types.setTypeParser(types.builtins.INT8, Number);

const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const won = { type: 'integer', minimum: 1, maximum: 2_147_483_647 };
const cid = { type: 'string', pattern: '^[A-Z0-9]{10}$' };
const url = { type: 'string', maxLength: 255, pattern: '^https?://' };
const string = { type: 'string' };

const ORDER = { cid, order_id: text(100), category_cd: won, item_name: text(200), member_id: text(100), amount: won };
const PREPARE_BODY = {
  type: 'object',
  required: [
    ...Object.keys(ORDER),
    'opponent_name',
    'quantity',
    'bank_acct_num',
    'balance',
    'approval_url',
    'cancel_url',
    'fail_url',
  ],
  properties: {
    ...ORDER,
    opponent_name: text(100),
    item_code: text(100),
    quantity: won,
    payment_method_type: { enum: ['계좌', 'MONEY'] },
    bank_acct_num: { type: 'string', pattern: '^[0-9]{6,12}$' },
    bank_acct_alias: text(50),
    balance: { ...won, minimum: 0 },
    approval_url: url,
    cancel_url: url,
    fail_url: url,
  },
};
const APPROVE_BODY = {
  type: 'object',
  required: [...Object.keys(ORDER), 'tran_dt'],
  properties: {
    ...ORDER,
    opponent_name: text(100),
    tran_dt: { type: 'string', pattern: '^\\d{4}\\.\\d{2}\\.\\d{2} \\d{2}:\\d{2}:\\d{2}$' },
  },
};
const answer = (properties: object) => ({ 200: { type: 'object', properties } });

interface PrepareBody {
  readonly [field: string]: string | number | undefined;
  readonly order_id: string;
  readonly bank_acct_num: string;
}

interface ApproveBody {
  readonly [field: string]: string | number | undefined;
  readonly tran_dt: string;
}

const parts = partsOf(process.env);
const { config, ids, tokens, vault } = parts;
const pool = new Pool({ connectionString: config.DATABASE_URL, max: POOL_SIZE, idleTimeoutMillis: POOL_IDLE_MS });
const run = async (statement: { name: string; text: string }, values: unknown[]) =>
  (await pool.query({ ...statement, values })).rows[0];

const server = fastify({ ajv: { customOptions: { coerceTypes: true } } });
server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, { ...parse(String(body)) }),
);
server.addHook('onRequest', (request, reply, done) => {
  if (request.url.startsWith('/pay') && !isMerchant(request.headers.authorization)) reply.code(401).send({});
  else done();
});

server.post<{ Body: PrepareBody }>(
  '/pay',
  {
    schema: {
      body: PREPARE_BODY,
      response: answer({ tid: string, next_redirect_url: string, android_app_scheme: string, approved_at: string }),
    },
  },
  async ({ body }, reply) => {
    const account = body.bank_acct_num;
    const payment = await run(PREPARE, [
      body.cid,
      body.order_id,
      vault.index(account),
      vault.seal(account),
      account.slice(-4),
      body.balance,
      config.SANDBOX_BANK_BALANCE,
      true,
      MERCHANT.name,
      body.category_cd,
      body.opponent_name,
      body.item_name,
      body.item_code ?? null,
      body.member_id,
      body.quantity,
      body.amount,
      body.payment_method_type ?? null,
      body.bank_acct_alias ?? null,
      body.approval_url,
      body.cancel_url,
      body.fail_url,
      tokens.currentVersion,
      config.PAYMENT_TTL_SECONDS,
    ]);
    if (!payment) return reply.code(409).send({});
    return preparedAnswer(parts, ids.toTid(payment.id));
  },
);

const FIND = {
  name: 'find-payment',
  text: 'SELECT id, cid, order_id, amount, approval_url FROM payments WHERE id = $1',
};

server.post<{ Params: { tid: string } }>(
  '/sandbox/payments/:tid/authenticate',
  { schema: { response: answer({ tid: string, status: string, redirect_url: string }) } },
  async ({ params: { tid } }, reply) => {
    const payment = await run(FIND, [ids.toId(tid)]);
    const done = payment && (await run(AUTHENTICATE, [payment.id, 'MONEY', config.PAYMENT_TTL_SECONDS, 0]));
    if (!done) return reply.code(409).send({});
    return authenticatedAnswer(tid, payment);
  },
);

server.post<{ Body: ApproveBody }>(
  '/pay/success',
  {
    schema: {
      body: APPROVE_BODY,
      response: answer({
        ...{ tid: string, cid: string, order_id: string, member_id: string, payment_method_type: string },
        ...{ item_name: string, amount: { type: 'integer' }, tran_dt: string },
      }),
    },
  },
  async ({ body }, reply) => {
    const values = [body.cid, body.order_id, body.category_cd, body.item_name, body.member_id, body.amount];
    const approved = await run(APPROVE, [...values, body.opponent_name ?? null, null, body.tran_dt]);
    if (!approved) return reply.code(409).send({});
    return { ...approved, tid: ids.toTid(approved.id) };
  },
);

serveUntilDisconnected(server.listen({ port: parts.port, host: 'localhost' }));
