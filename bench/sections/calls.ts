import type { Section } from '../section';
export const CALLS: Section = { name: 'calls', measure: async () => ({ rows: [] }) };
