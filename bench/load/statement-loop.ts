/** Does what pgbench would do, where there is none: a process of its own with one connection a client. */
import { Client } from 'pg';
import { type StatementJob, type StatementRun, TEXTS } from './statements';

process.on('message', (job: StatementJob) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());

async function run(job: StatementJob): Promise<StatementRun> {
  const statements = job.statements.map(bind);
  const clients = await Promise.all(
    Array.from({ length: job.clients }, async () => {
      const client = new Client({ connectionString: job.databaseUrl });
      await client.connect();
      return client;
    }),
  );
  const begun = performance.now();
  let operations = 0;
  const loop = async (client: Client, clientId: number) => {
    for (let i = 0; performance.now() - begun < job.seconds * 1_000; i += 1) {
      const account = job.accounts.from + Math.floor(Math.random() * job.accounts.count);
      let variables: Record<string, unknown> = {
        ...TEXTS,
        n: job.orders.from + clientId * job.orders.perClient + i,
        account,
      };
      for (const { name, text, names } of statements) {
        const { rows } = await client.query({
          name,
          text,
          values: names.map((variable) => String(variables[variable])),
        });
        variables = { ...variables, ...rows[0] };
      }
      operations += 1;
    }
  };
  await Promise.all(clients.map(loop));
  const elapsedMs = performance.now() - begun;
  await Promise.all(clients.map((client) => client.end()));
  return { operations, elapsedMs };
}

/** The statement with its literals in it, and the variables that are left, in the order of their new numbers. */
function bind({ name, text, values }: StatementJob['statements'][number]) {
  const numbers: number[] = [];
  const bound = text.replace(/\$(\d+)/g, (_, digits) => {
    const number = Number(digits);
    const value = values[number - 1] ?? '';
    if (!value.startsWith(':')) return value;
    if (!numbers.includes(number)) numbers.push(number);
    return `$${numbers.indexOf(number) + 1}`;
  });
  return { name, text: bound, names: numbers.map((number) => (values[number - 1] ?? '').slice(1)) };
}
