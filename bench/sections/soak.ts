import type { Section } from '../section';
export const SOAK: Section = { name: 'soak', measure: async () => ({ rows: [] }) };
