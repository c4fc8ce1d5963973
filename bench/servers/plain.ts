/**
 * What most people write: repositories of TypeORM in one process, each command a transaction that loads and locks
 * entities, checks them, and saves them. Fastify in front, class-validator for the fields; the same rows come of it.
 */
import 'reflect-metadata';
import { parse as parseForm } from 'node:querystring';
import { ApproveRequest, PrepareRequest, parse } from '@oneq/contracts';
import { POOL_IDLE_MS, POOL_SIZE } from '@oneq/database';
import { fastify } from 'fastify';
import { types } from 'pg';
import { Column, DataSource, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import { isMerchant, MERCHANT, partsOf, preparedAnswer, serveUntilDisconnected } from './server';

types.setTypeParser(types.builtins.INT8, Number);

@Entity('wallets')
class Wallet {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: number;
  @Column('bytea') account_index!: Buffer;
  @Column('bigint') money_balance!: number;
  @Column('bigint') money_held!: number;
}

@Entity('payments')
class Payment {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: number;
  @Column('text') cid!: string;
  @Column('text') order_id!: string;
  @Column('integer') attempt!: number;
  @Column('text') merchant_name!: string;
  @Column('integer') category_cd!: number;
  @Column('text') opponent_name!: string;
  @Column('text') item_name!: string;
  @Column('text', { nullable: true }) item_code!: string | null;
  @Column('text') member_id!: string;
  @Column('integer') quantity!: number;
  @Column('bigint') amount!: number;
  @Column('text', { nullable: true }) permitted_method_type!: string | null;
  @Column('bigint') wallet_id!: number;
  @Column('text', { nullable: true }) bank_acct_alias!: string | null;
  @Column('bigint') balance!: number;
  @Column('text') approval_url!: string;
  @Column('text') cancel_url!: string;
  @Column('text') fail_url!: string;
  @Column('smallint') checkout_version!: number;
  @Column('text') status!: string;
  @Column('integer') sequence!: number;
  @Column('text', { nullable: true }) payment_method_type!: string | null;
  @Column('text', { nullable: true }) tran_dt!: string | null;
  @Column('timestamptz') expires_at!: Date;
  @Column('timestamptz', { nullable: true }) approved_at!: Date | null;
}

@Entity('transfers')
class Transfer {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: number;
  @Column('text') kind!: string;
  @Column('text') debit_account!: string;
  @Column('text') credit_account!: string;
  @Column('bigint') amount!: number;
  @Column('bigint') payment_id!: number;
}

@Entity('events')
class Event {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: number;
  @Column('bigint') payment_id!: number;
  @Column('text') cid!: string;
  @Column('integer') sequence!: number;
  @Column('text') type!: string;
  @Column('text') status!: string;
  @Column('bigint') amount!: number;
}

@Entity('expiry_checks')
class ExpiryCheck {
  @PrimaryColumn('bigint') payment_id!: number;
  @Column('timestamptz') check_at!: Date;
}

const LIVE = ['READY', 'AUTHENTICATED', 'APPROVED', 'PARTIALLY_CANCELLED'];

const parts = partsOf(process.env);
const { config, ids, tokens, vault } = parts;
const database = new DataSource({
  type: 'postgres',
  url: config.DATABASE_URL,
  schema: 'payment',
  entities: [Wallet, Payment, Transfer, Event, ExpiryCheck],
  poolSize: POOL_SIZE,
  extra: { idleTimeoutMillis: POOL_IDLE_MS },
});

async function prepare(request: PrepareRequest): Promise<Payment> {
  return database.transaction(async (manager) => {
    const { cid, order_id, bank_acct_num } = request;
    const newest = await manager.findOne(Payment, { where: { cid, order_id }, order: { attempt: 'DESC' } });
    if (newest && LIVE.includes(newest.status)) throw new Error('the order has a payment');
    const wallet = await manager.findOneByOrFail(Wallet, { account_index: vault.index(bank_acct_num) });
    const expires_at = new Date(Date.now() + config.PAYMENT_TTL_SECONDS * 1_000);
    const payment = await manager.save(
      manager.create(Payment, {
        ...request,
        attempt: (newest?.attempt ?? 0) + 1,
        merchant_name: MERCHANT.name,
        permitted_method_type: request.payment_method_type ?? null,
        wallet_id: wallet.id,
        checkout_version: tokens.currentVersion,
        status: 'READY',
        sequence: 0,
        expires_at,
      }),
    );
    await manager.insert(ExpiryCheck, { payment_id: payment.id, check_at: expires_at });
    return payment;
  });
}

async function approve(request: ApproveRequest): Promise<Payment> {
  return database.transaction(async (manager) => {
    const { cid, order_id } = request;
    const payment = await manager.findOneOrFail(Payment, {
      where: { cid, order_id },
      order: { attempt: 'DESC' },
      lock: { mode: 'pessimistic_write' },
    });
    const same =
      payment.category_cd === request.category_cd &&
      payment.item_name === request.item_name &&
      payment.member_id === request.member_id &&
      payment.amount === request.amount;
    if (!same || payment.status !== 'AUTHENTICATED' || payment.expires_at <= new Date()) throw new Error('refused');
    const wallet = await manager.findOneOrFail(Wallet, {
      where: { id: payment.wallet_id },
      lock: { mode: 'pessimistic_write' },
    });
    if (wallet.money_held < payment.amount) throw new Error('the hold is missing');
    wallet.money_balance -= payment.amount;
    wallet.money_held -= payment.amount;
    await manager.save(wallet);
    payment.status = 'APPROVED';
    payment.approved_at = new Date();
    payment.tran_dt = request.tran_dt;
    payment.sequence += 1;
    await manager.save(payment);
    const { id: payment_id, amount, sequence, status } = payment;
    const accounts = { debit_account: `wallet/${wallet.id}/money`, credit_account: `merchant/${cid}` };
    await manager.save(manager.create(Transfer, { kind: 'capture', ...accounts, amount, payment_id }));
    await manager.save(manager.create(Event, { payment_id, cid, sequence, type: 'payment.approved', status, amount }));
    return payment;
  });
}

const server = fastify();
server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, { values: parseForm(String(body)), duplicated: [] }),
);
server.addHook('onRequest', (request, reply, done) => {
  if (isMerchant(request.headers.authorization)) done();
  else reply.code(401).send({});
});
server.post<{ Body: Parameters<typeof parse>[1] }>('/pay', async ({ body }) => {
  const { id } = await prepare(parse(PrepareRequest, body, 'sandbox'));
  return preparedAnswer(parts, ids.toTid(id));
});
server.post<{ Body: Parameters<typeof parse>[1] }>('/pay/success', async ({ body }) => {
  const payment = await approve(parse(ApproveRequest, body, 'sandbox'));
  const { id, cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt } = payment;
  return { tid: ids.toTid(id), cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt };
});

serveUntilDisconnected(database.initialize().then(() => server.listen({ port: parts.port, host: 'localhost' })));
