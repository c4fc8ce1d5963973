import type { Section } from '../section';
export const PASSWORD: Section = { name: 'password', measure: async () => ({ rows: [] }) };
