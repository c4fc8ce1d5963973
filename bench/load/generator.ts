/** The load generator: a process of its own, so that what it costs can be told from what it measures. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Histogram, record } from './histogram';
import { type Answer, HttpConnection } from './http-connection';
import type { Job, JobResult, Reply, Step } from './job';

const LATE_MS = 5;
/** An operation that begins too late to be answered before this ends the run as broken, ms. */
const OVERDUE_MS = 20_000;

process.on('message', (job: Job) => {
  run(job).then(
    (result) => tell({ result }),
    (error: unknown) => tell({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function tell(reply: Reply): void {
  process.send?.(reply);
}

/** Does all of a job. @throws {Error} at the first answer that is not 200: a refusal is cheaper than the work */
async function run(job: Job): Promise<JobResult> {
  const url = new URL(job.url);
  const steps = job.steps.map((step) => ({ name: step.name, write: writer(step, url, job.lists ?? {}) }));
  const latencies: Record<string, Histogram> = { operation: [] };
  for (const { name } of steps) latencies[name] = [];
  const connections = await Promise.all(Array.from({ length: job.connections }, () => HttpConnection.open(url)));
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const interval = job.ratePerSecond === undefined ? 0 : 1_000 / job.ratePerSecond;
  let next = 0;
  let late = 0;

  const operate = async (connection: HttpConnection, n: number, due: number) => {
    let tid = '';
    let from = due;
    const counts = due - begun >= job.settleMs;
    for (const { name, write } of steps) {
      const answer = await connection.send(write(n, tid));
      const now = performance.now();
      if (answer.status !== 200) throw refusal(name, answer);
      if (steps.length > 1) tid = /"tid":"(\d+)"/.exec(answer.body)?.[1] ?? tid;
      if (counts) record(latencies[name] ?? [], now - from);
      from = now;
    }
    if (counts) record(latencies.operation ?? [], from - due);
  };

  /** One connection's share. An operation that is due later than now is waited for. */
  const work = async (connection: HttpConnection) => {
    while (next < job.operationsMax) {
      const n = next;
      const due = interval === 0 ? performance.now() : begun + n * interval;
      if (due - begun >= job.ms) return;
      next += 1;
      const early = due - performance.now();
      // Timers have whole milliseconds; being early by less than half of one is on time.
      if (early > 0.5) await wait(Math.round(early));
      const lateness = performance.now() - due;
      if (lateness > OVERDUE_MS) throw new Error(`the server does not keep up with ${job.ratePerSecond} a second`);
      if (lateness > LATE_MS) late += 1;
      await operate(connection, job.from + n, Math.min(due, performance.now()));
    }
  };

  try {
    await Promise.all(connections.map(work));
  } finally {
    for (const connection of connections) connection.close();
  }
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - begun;
  return { operations: next, elapsedMs, latencies, cpuMs: (user + system) / 1_000, late };
}

function refusal(name: string, { status, body }: Answer): Error {
  return new Error(
    `${name} was answered with ${status}: ${Buffer.from(body, 'latin1').toString('utf8').slice(0, 500)}`,
  );
}

/** Writes a step's request for an operation. */
function writer(step: Step, url: URL, lists: NonNullable<Job['lists']>): (n: number, tid: string) => string {
  const fill = (template: string) => {
    const parts = template.split(/\{(\w+)\}/);
    return (n: number, tid: string) => {
      let text = '';
      for (let i = 0; i < parts.length; i += 2) {
        text += parts[i];
        const name = parts[i + 1];
        if (name === undefined) break;
        const list = lists[name];
        text += name === 'n' ? n : name === 'tid' ? tid : (list?.[n % list.length] ?? '');
      }
      return text;
    };
  };
  const headers = Object.entries(step.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  if (step.key !== undefined) headers.push(`authorization: Bearer ${step.key}\r\n`);
  const head = fill(`${step.method} ${step.path} HTTP/1.1\r\nhost: ${url.host}\r\n${headers.join('')}`);
  if (step.body === undefined) return (n, tid) => `${head(n, tid)}\r\n`;
  const body = fill(step.body); // encoded, so a character a byte
  const type = 'content-type: application/x-www-form-urlencoded;charset=utf-8';
  return (n, tid) => {
    const filled = body(n, tid);
    return `${head(n, tid)}${type}\r\ncontent-length: ${filled.length}\r\n\r\n${filled}`;
  };
}
