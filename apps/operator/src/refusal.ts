/** The command line says what cannot be; nothing was asked. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** It was refused, in words for the operator. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
