export * from './builders';
export * from './nats';
export { createTestDatabase, PATIENCE, type TestDatabase } from './servers';
export * from './webhook-sink';
