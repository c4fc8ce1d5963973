export * from './database';
export * from './group-commit';
export * from './group-read';
export * from './once';
