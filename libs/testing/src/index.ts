export * from './builders';
export * from './nats';
export { createTestDatabase, type TestDatabase } from './servers';
export * from './webhook-sink';
