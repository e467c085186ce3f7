/** Imports go one way, as docs/architecture.md draws it. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = path.resolve(import.meta.dirname, '../src');

/** Who may import from whom, besides from itself. */
const BASE = ['storage', 'schema', 'system', 'errors'];
const MIDDLE = ['policy', 'protocol', 'catalog', 'machine', 'events'];
const ALLOWED: Record<string, readonly string[]> = {
  errors: [],
  schema: ['errors'],
  system: ['schema', 'errors'],
  policy: ['schema'],
  storage: ['system', 'errors'],
  kvp: BASE,
  machine: [...BASE, 'kvp'],
  events: BASE,
  catalog: [...BASE, 'policy'],
  protocol: [...BASE, 'policy'],
  pipe: [...BASE, 'protocol', 'kvp'],
  vendor: [...BASE, ...MIDDLE],
  // The host never imports the guest's transports, nor the guest the host's endpoints.
  host: [...BASE, ...MIDDLE, 'kvp'],
  guest: [...BASE, ...MIDDLE, 'pipe'],
  daemon: BASE,
  cli: [...BASE, ...MIDDLE, 'pipe', 'guest', 'host', 'vendor', 'daemon'],
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
