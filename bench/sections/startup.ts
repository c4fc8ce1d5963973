import type { Section } from '../section';
export const STARTUP: Section = { name: 'startup', measure: async () => ({ rows: [] }) };
