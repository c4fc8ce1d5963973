import { Counter, collectDefaultMetrics, Histogram, register } from 'prom-client';

collectDefaultMetrics();

/** Seconds a service took to answer a message, by subject and error code (`OK` when it succeeded). */
export const messagesHandled = new Histogram({
  name: 'oneq_message_handled_seconds',
  help: 'Time to answer a message, by subject and code',
  labelNames: ['subject', 'code'] as const,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
});

export const messagesDropped = new Counter({
  name: 'oneq_messages_dropped_total',
  help: 'Messages dropped because their deadline had passed',
  labelNames: ['subject'] as const,
});

/** Everything in Prometheus' text format. */
export const metrics = register;
