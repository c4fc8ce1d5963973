#!/usr/bin/env node
// @ts-check
/**
 * Receives OneQ Pay's webhooks (Standard Webhooks 1.0) with Node's standard library alone.
 *
 *   WEBHOOK_SECRET=whsec_… node receiver.mjs        listens on http://localhost:3001/webhooks/oneq
 *
 * An event is verified, kept, answered, and only then acted upon: OneQ Pay waits five seconds for the answer.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { WEBHOOK_SECRET = '', PORT = '3001' } = process.env;
const PATH = '/webhooks/oneq';
const BODY_MAX = 64 * 1024;
/** An older request may be one that somebody recorded and sends again. */
const TOLERANCE_SECONDS = 5 * 60;

if (!/^whsec_[A-Za-z0-9+/]+=*$/.test(WEBHOOK_SECRET)) {
  console.error('Set WEBHOOK_SECRET to the secret that PUT /pay/store/webhook answered (whsec_…).');
  process.exit(1);
}
const key = Buffer.from(WEBHOOK_SECRET.slice('whsec_'.length), 'base64');

/** In a real shop these are tables, and an event is in the first before it is answered. @type {Set<string>} by webhook-id */
const known = new Set();
/** @type {Map<string, { status: string, sequence: number }>} What it knows of each payment, by tid. */
const payments = new Map();

/**
 * Whether OneQ Pay signed this, and just now.
 * @param {import('node:http').IncomingHttpHeaders} headers
 * @param {Buffer} body the bytes as they came: parsed and written again they may differ
 */
function isGenuine(headers, body) {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) =>
    String(headers[`webhook-${name}`]),
  );
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS)
    return false;
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being replaced there are two signatures, one of which is by the secret that is known here.
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
    return signature.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** Acts upon an event that is new. Events can arrive late: `sequence` tells which state of a payment is the newer one. */
function handle({ type, data }) {
  if (type === 'webhook.test') return console.log('webhook.test: it works');
  const { tid, status, sequence } = data;
  if (sequence <= (payments.get(tid)?.sequence ?? 0)) return console.log(`${type} ${tid}: late, newer is known`);
  payments.set(tid, { status, sequence });
  console.log(`${type} ${tid}: ${status}`);
}

async function receive(request, response) {
  if (request.method !== 'POST' || request.url !== PATH) return response.writeHead(404).end();
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= BODY_MAX) chunks.push(chunk);
  }
  if (size > BODY_MAX) return response.writeHead(413).end();
  const body = Buffer.concat(chunks);
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end('not signed by OneQ Pay, or too old');
  const id = request.headers['webhook-id'];
  const isNew = !known.has(id);
  known.add(id);
  response.writeHead(204).end();
  if (isNew) handle(JSON.parse(body.toString()));
  else console.log(`${id}: known already`);
}

createServer((request, response) => {
  receive(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
}).listen(Number(PORT), 'localhost', () => console.log(`receiver: http://localhost:${PORT}${PATH}`));
