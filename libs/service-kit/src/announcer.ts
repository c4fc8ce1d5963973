/** Tells whoever listens on NATS, at most once and without any promise: a hint to look, never the only word of anything. */
export interface Announcer {
  announce(subject: string, payload: object): void;
}
