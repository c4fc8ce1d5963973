/**
 * Breaks promises on purpose, so that a test can show that it would notice. Loaded into a service's process before its
 * program; what is broken stands in the file that ONEQ_SABOTAGE names, read anew each time.
 */
const { existsSync, readFileSync } = require('node:fs');
const path = require('node:path');

const dist = path.join(__dirname, '../../dist');
const broken = () =>
  existsSync(process.env.ONEQ_SABOTAGE) ? readFileSync(process.env.ONEQ_SABOTAGE, 'utf8').trim() : '';

/** Statement, and what is taken out of its text; nothing: it is rolled back after its answer. */
const STATEMENTS = {
  'capture-again': [
    'approve-payment',
    ["status = 'AUTHENTICATED' AND expires_at > now()", "status IN ('AUTHENTICATED', 'APPROVED')"],
    ['AND money <= money_held AND bank <= bank_held', ''],
    ['money_held = money_held - money', 'money_held = greatest(0, money_held - money)'],
    ['bank_held = bank_held - bank', 'bank_held = greatest(0, bank_held - bank)'],
    ["payments.status = 'AUTHENTICATED'", "payments.status IN ('AUTHENTICATED', 'APPROVED')"],
  ],
  'approve-anything': [
    'approve-payment',
    [
      'AND category_cd = $3 AND item_name = $4 AND member_id = $5 AND amount = $6',
      'AND ($3::integer, $4::text, $5::text, $6::bigint) IS NOT NULL',
    ],
    ['AND ($7::text IS NULL OR opponent_name = $7)', 'AND ($7::text IS NULL OR true)'],
  ],
  'end-again': [
    'close-payment',
    [
      "status IN ('READY', 'AUTHENTICATED') AND (status = 'READY' OR NOT $6)",
      'status IS NOT NULL AND ($6::boolean IS NOT NULL)',
    ],
    ["payments.status IN ('READY', 'AUTHENTICATED')", 'payments.status IS NOT NULL'],
    ["(payment.status = 'READY' OR EXISTS (SELECT FROM wallet))", 'true'],
  ],
  overdraw: [
    'authenticate-payment',
    ['AND money <= money_balance - money_held AND bank <= bank_balance - bank_held', ''],
  ],
  'answer-without-commit': ['approve-payment'],
  'refund-again': ['refund-payment', ['AND NOT EXISTS (SELECT FROM transfers WHERE reference = $3)', '']],
};

/** A statement for many commands at once leaves them to the one that is broken. */
const TOGETHER = {
  'approve-payments': 'approve-payment',
  'authenticate-payments': 'authenticate-payment',
  'refund-payments': 'refund-payment',
};

const { Database } = require(path.join(dist, 'libs/database/src/database.js'));
const { run } = Database.prototype;
Database.prototype.run = async function sabotaged(statement, values) {
  const what = broken();
  const [name = '', ...changes] = STATEMENTS[what] ?? [];
  if (TOGETHER[statement.name] === name) return [];
  if (name === statement.name && changes.length > 0) {
    let { text } = statement;
    for (const [from, to] of changes) {
      if (!text.includes(from)) throw new Error(`${name} has no longer: ${from}`);
      text = text.replaceAll(from, to);
    }
    return run.call(this, { name: `${name}-${what}`, text }, values);
  }
  if (name === statement.name) {
    return this.connected(async (client) => {
      await client.query('BEGIN');
      const { rows } = await client.query(statement.text, [...values]);
      await client.query('ROLLBACK');
      return rows;
    });
  }
  if (what === 'wait-for-ever') {
    for (;;) {
      try {
        return await run.call(this, statement, values);
      } catch (error) {
        // Lifted, it must not go on: who waited would be told again and again that nobody waits for it any more.
        if (error.code !== 'SERVICE_UNAVAILABLE' || broken() !== what) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }
  return run.call(this, statement, values);
};

const { Once } = require(path.join(dist, 'libs/database/src/once.js'));
const { run: runOnce } = Once.prototype;
Once.prototype.run = async function sabotaged(work) {
  // The Idempotency-Key alone would already see to it.
  return broken() === 'refund-again' ? { answer: await work(), replayed: false } : runOnce.call(this, work);
};

process.prependListener('SIGTERM', () => {
  if (broken() === 'exit-at-once') process.exit(0);
});
