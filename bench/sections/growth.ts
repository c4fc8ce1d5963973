import type { Section } from '../section';
export const GROWTH: Section = { name: 'growth', measure: async () => ({ rows: [] }) };
