/** Asks a service whether it and its database answer. */
export class HealthQuery {}

export interface Health {
  readonly status: 'ok';
}
