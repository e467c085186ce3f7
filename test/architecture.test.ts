/** Imports go one way, as docs/architecture.md draws it. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = path.resolve(import.meta.dirname, '../src');

/** Who may import from whom, besides from itself. */
const BASE = ['storage', 'schema', 'errors'];
const MIDDLE = ['protocol', 'pipe', 'catalog', 'machine', 'events'];
const ALLOWED: Record<string, readonly string[]> = {
  errors: [],
  schema: ['errors'],
  storage: ['errors'],
  machine: BASE,
  events: BASE,
  catalog: BASE,
  protocol: BASE,
  pipe: [...BASE, 'protocol'],
  vendor: [...BASE, ...MIDDLE],
  host: [...BASE, ...MIDDLE],
  guest: [...BASE, ...MIDDLE],
  cli: [...BASE, ...MIDDLE, 'guest', 'host', 'vendor'],
};

const files = fs
  .readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));

test('every folder of src has its place', () => {
  expect(new Set(files.map((file) => file.split(path.sep)[0]))).toEqual(new Set(Object.keys(ALLOWED)));
});

test.each(files)('%s imports only what is below it', (file) => {
  const [from = ''] = file.split(path.sep);
  const text = fs.readFileSync(path.join(SOURCE, file), 'utf8');
  const imports = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, target]) => target as string,
  );
  const folders = imports.map(
    (target) =>
      path.relative(SOURCE, path.resolve(SOURCE, path.dirname(file), target)).split(path.sep)[0] ?? '',
  );
  const forbidden = folders.filter((to) => to !== from && !ALLOWED[from]?.includes(to));
  expect(forbidden).toEqual([]);
});
