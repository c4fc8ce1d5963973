import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { audit } from '../../audit/audit';
import { HttpContender, type Orders, turn } from '../contenders';
import type { Job, Step } from '../load/job';
import { median } from '../measure';
import { CID, form, KEY, ORDER } from '../orders';
import { fact, goal, type Row } from '../report';
import type { Section } from '../section';
import { total, type World } from '../world';

const PAYMENTS = 1_000_000;
const PAYMENTS_QUICK = 20_000;
const DELIVERIES = 100_000;
const MERCHANTS = 2_000;
/** Merchants that set a webhook, and those whose webhook answers. */
const SETTING = 200;
const LISTENING = 500;
const CPU_MS_MAX = 2;
const DEEP_RATIO_MAX = 1.2;

/** A call beyond the specification. */
interface Call {
  readonly name: string;
  readonly step: Step;
  readonly orders?: Orders;
  readonly lists?: Job['lists'];
}

/** What every call costs with many payments in the tables, and that a page far down costs what the first one does. */
export const CALLS: Section = {
  name: 'calls',
  async measure(context) {
    const { quick } = context.options;
    const world = await context.world(quick ? PAYMENTS_QUICK : PAYMENTS);
    await world.seed.deliveries(world.history, DELIVERIES);
    const contenders = (await callsOf(world, await receiver())).map(
      ({ name, step, orders = 'new', lists }) => new HttpContender(world, name, world.platform, [step], orders, lists),
    );
    const cpu = new Map<string, number[]>(contenders.map(({ title }) => [title, []]));
    const count = quick ? 2 : 3;
    for (let round = 0; round <= count; round += 1) {
      context.progress(round === 0 ? 'warming up' : `round ${round} of ${count}, ${contenders.length} calls`);
      await world.vacuum();
      for (const contender of contenders) {
        const { cpuMs, operations } = await turn(world, contender, quick ? 1 : 4);
        if (round > 0) cpu.get(contender.title)?.push(total(cpuMs) / operations);
      }
    }
    const costOf = (name: string) => median(cpu.get(name) ?? []);
    const deep = (first: string, far: string) =>
      goal(`${far} ÷ ${first}`, costOf(far) / costOf(first), ['≤', DEEP_RATIO_MAX]);
    context.progress('auditing what was made and what was called');
    const broken = (await audit(world.admin)).filter((finding) => finding.broken.length > 0);
    const rows: Row[] = [
      ...[...cpu.keys()].map((name) => goal(`${name}: CPU`, costOf(name), ['<', CPU_MS_MAX], ' ms')),
      deep('GET /pay', 'GET /pay, deep cursor'),
      deep('GET /pay/events, oldest', 'GET /pay/events, deep'),
      broken.length === 0
        ? fact('audit afterwards', 'every invariant holds')
        : { ...fact('audit afterwards', broken.map(({ invariant }) => invariant).join(' ')), met: false },
    ];
    return { rows, data: Object.fromEntries(cpu) };
  },
};

/** A merchant's server that takes every webhook, for as long as this process runs. @returns its URL */
async function receiver(): Promise<string> {
  const server = createServer((request, response) => request.resume().on('end', () => response.end('ok')));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve).unref();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}/webhooks`;
}

/** Gives each of these merchants a webhook at the receiver. @returns one delivery of each, which was made */
async function withDeliveries(world: World, keys: readonly string[], url: string): Promise<string[]> {
  const call = async (key: string, method: string, path: string, body?: string) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(`${world.platform.url}${path}`, { method, headers, body });
    const answer = (await response.json()) as { id: string; status: string };
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}`);
    return answer;
  };
  const deliveries: string[] = [];
  for (const key of keys) {
    await call(key, 'PUT', '/pay/store/webhook', form({ url }));
    const { id, status } = await call(key, 'POST', '/pay/store/webhook/test', '');
    if (status !== 'delivered') throw new Error(`a webhook was not delivered: ${status}`);
    deliveries.push(id);
  }
  return deliveries;
}

async function callsOf(world: World, webhook: string): Promise<Call[]> {
  const known = world.seed.tidsOf(world.history);
  const { from, count, firstId } = world.history;
  const deepId = firstId + Math.floor(count / 10);
  const { rows } = await world.admin.query(
    `SELECT (extract(epoch FROM created_at) * 1000000)::bigint::text AS micros,
            to_char(created_at AT TIME ZONE 'Asia/Seoul', 'YYYY.MM.DD HH24:MI:SS') AS second,
            (SELECT min(id)::text FROM payment.events WHERE payment_id = $2) AS event
     FROM payment.payments WHERE id = $1`,
    [deepId, firstId + Math.floor(count * 0.9)],
  );
  const { micros, second, event } = rows[0];
  const cursor = Buffer.from(`${micros}.${world.ids.toTid(deepId)}`).toString('base64url');
  const orders = Array.from({ length: Math.min(5_000, count) }, (_, i) => String(from + i));
  const get = (name: string, path: string): Step => ({ name, method: 'GET', path, key: KEY });
  const post = (name: string, path: string, fields: Record<string, string>, headers = {}): Step => ({
    ...{ name, method: 'POST', path, key: KEY, headers },
    body: form(fields),
  });
  // Merchants set their own: one that all connections set would be a queue at its row.
  const { keys: anyMerchant } = await world.seed.merchants(MERCHANTS);
  const merchant = anyMerchant.slice(0, SETTING);
  const listening = anyMerchant.slice(SETTING, SETTING + LISTENING);
  const delivery = await withDeliveries(world, listening, webhook);
  const put: Step = {
    ...{ name: 'PUT /pay/store/webhook', method: 'PUT', path: '/pay/store/webhook', key: '{merchant}' },
    body: form({ url: 'http://localhost:9/webhooks/{n}' }),
  };
  const time = encodeURIComponent(second);
  return [
    { name: 'GET /pay/{tid}', step: get('find', '/pay/{known}'), lists: { known } },
    { name: 'GET /pay', step: get('list', '/pay') },
    { name: 'GET /pay, deep cursor', step: get('list', `/pay?cursor=${cursor}`) },
    { name: 'GET /pay, by order', step: get('list', '/pay?order_id={order}'), lists: { order: orders } },
    { name: 'GET /pay, by status', step: get('list', '/pay?status=APPROVED') },
    { name: 'GET /pay, by a status that none has', step: get('list', '/pay?status=FAILED') },
    { name: 'GET /pay, by time', step: get('list', `/pay?from=${time}&to=${time}`) },
    {
      name: 'POST /pay/cancel, whole',
      step: post('cancel', '/pay/cancel', { cid: CID, order_id: '{n}' }),
      orders: 'approved',
    },
    {
      name: 'POST /pay/cancel, part, with Idempotency-Key',
      step: post(
        'cancel',
        '/pay/cancel',
        { cid: CID, order_id: '{n}', cancel_amount: '1' },
        { 'idempotency-key': 'part-{n}' },
      ),
      orders: 'approved',
    },
    {
      name: 'POST /pay/net-cancel',
      step: post('net-cancel', '/pay/net-cancel', { cid: CID, order_id: '{n}', amount: ORDER.amount }),
      orders: 'approved',
    },
    { name: 'GET /pay/events, oldest', step: get('events', '/pay/events') },
    { name: 'GET /pay/events, deep', step: get('events', `/pay/events?after=${world.eventIds.toText(Number(event))}`) },
    { name: 'GET /pay/webhooks', step: get('webhooks', '/pay/webhooks') },
    { name: 'GET /pay/store', step: get('store', '/pay/store') },
    { name: 'PUT /pay/store/webhook', step: put, lists: { merchant } },
    {
      name: 'GET /pay/store/webhook',
      step: { name: 'webhook', method: 'GET', path: '/pay/store/webhook', key: '{merchant}' },
      lists: { merchant },
    },
    {
      name: 'POST /pay/store/webhook/test',
      step: { ...post('test', '/pay/store/webhook/test', {}), key: '{listening}' },
      lists: { listening },
    },
    {
      name: 'POST /pay/webhooks/{id}/redeliver',
      step: { ...post('redeliver', '/pay/webhooks/{delivery}/redeliver', {}), key: '{listening}' },
      lists: { listening, delivery },
    },
    {
      name: 'POST /pay/webhooks/redeliver',
      step: { ...post('redeliver-failed', '/pay/webhooks/redeliver', {}), key: '{listening}' },
      lists: { listening },
    },
    {
      name: 'POST /pay/store/key',
      step: { ...post('key', '/pay/store/key', {}), key: '{anyMerchant}' },
      lists: { anyMerchant },
    },
  ];
}
