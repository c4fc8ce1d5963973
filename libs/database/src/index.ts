export * from './database';
export { brokenConstraint } from './database-error';
export * from './group-commit';
export * from './group-read';
export * from './once';
