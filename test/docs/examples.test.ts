/** The examples of docs/ are what they are examples of. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/catalog.ts';

test('docs/examples/acme.json is a catalog whose products can be activated', () => {
  const { products } = loadCatalog([new URL('../../docs/examples', import.meta.url).pathname]);
  expect(products.map(({ channel }) => channel)).toEqual(['VT:IA', 'VT:IA']);
});

test('the recording is small and names no folder of the machine that made it', () => {
  const recording = fs.readFileSync(new URL('../../docs/images/walk.svg', import.meta.url), 'utf8');
  expect(recording.length).toBeLessThan(150_000);
  const paths = recording.match(/(?<=[ >])\/[\w.-]+(\/[\w.-]+)+/g) ?? [];
  expect(paths).not.toEqual([]);
  for (const file of paths) expect(file).toMatch(/^\/tmp\/acme\/|^\/run\/avma\//);
});

test.each(['guest', 'host'])('docs/architecture.md names each file of src/%s', (folder) => {
  const text = fs.readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
  const files = fs
    .readdirSync(new URL(`../../src/${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'));
  expect(files.filter((file) => !text.includes(path.basename(file)))).toEqual([]);
});
