/** The examples of docs/ are what they are examples of. */
import { expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/catalog.ts';

test('docs/examples/acme.json is a catalogue whose products can be activated', () => {
  const { products } = loadCatalog([new URL('../../docs/examples', import.meta.url).pathname]);
  expect(products.map(({ channel }) => channel)).toEqual(['VT:IA', 'VT:IA']);
});
