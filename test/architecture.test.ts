/** Imports go one way, as docs/architecture.md draws it. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = path.resolve(import.meta.dirname, '../src');

/** Who may import from whom, besides from itself. */
const ALLOWED: Record<string, readonly string[]> = {
  errors: [],
  schema: [],
  system: ['schema', 'errors'],
  policy: ['schema'],
  xml: ['errors'],
  storage: ['system', 'errors'],
  kvp: ['storage', 'system', 'errors'],
  machine: ['kvp', 'storage', 'schema', 'system', 'errors'],
  events: ['storage', 'schema', 'system', 'errors'],
  catalog: ['protocol', 'policy', 'storage', 'schema', 'system', 'errors'],
  protocol: ['policy', 'schema', 'system', 'errors'],
  pipe: ['protocol', 'kvp', 'schema', 'system', 'errors'],
  vendor: ['protocol', 'catalog', 'policy', 'storage', 'schema', 'system', 'errors'],
  // What a vendor's program carries: the protocol, and nothing that reaches the machine.
  verify: ['protocol', 'schema', 'errors'],
  // The host never imports the guest's transports, nor the guest the host's endpoints.
  host: ['xml', 'protocol', 'catalog', 'events', 'policy', 'kvp', 'storage', 'schema', 'system', 'errors'],
  guest: [
    'pipe',
    'protocol',
    'catalog',
    'machine',
    'events',
    'policy',
    'storage',
    'schema',
    'system',
    'errors',
  ],
  setup: [
    'guest',
    'pipe',
    'protocol',
    'catalog',
    'machine',
    'kvp',
    'xml',
    'storage',
    'schema',
    'system',
    'errors',
  ],
  daemon: ['schema', 'system', 'errors'],
  // It plays guests, so that it measures a host by what goes over the wire.
  load: ['protocol', 'schema', 'system', 'errors'],
  cli: [
    ...[
      'setup',
      'guest',
      'host',
      'vendor',
      'load',
      'daemon',
      'pipe',
      'protocol',
      'catalog',
      'machine',
      'events',
      'policy',
    ],
    ...['storage', 'schema', 'system', 'errors'],
  ],
};

const files = fs
  .readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));

test('every folder of src has its place', () => {
  expect(new Set(files.map((file) => file.split(path.sep)[0]))).toEqual(new Set(Object.keys(ALLOWED)));
});

/** The files of src that a file imports, types too. */
function filesImportedBy(file: string): string[] {
  const text = fs.readFileSync(path.join(SOURCE, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, target]) =>
    path.relative(SOURCE, path.resolve(SOURCE, path.dirname(file), target as string)),
  );
}

/** The folders of src that a file imports from, its own left out. */
function foldersImportedBy(file: string): string[] {
  const [from] = file.split(path.sep);
  return filesImportedBy(file)
    .map((target) => target.split(path.sep)[0] ?? '')
    .filter((folder) => folder !== from);
}

test.each(files)('%s imports only what is below it', (file) => {
  const [from = ''] = file.split(path.sep);
  expect(foldersImportedBy(file).filter((to) => !ALLOWED[from]?.includes(to))).toEqual([]);
});

test.each(Object.entries(ALLOWED))('%s may import only from folders that it does import from', (from, to) => {
  const imported = files.filter((file) => file.split(path.sep)[0] === from).flatMap(foldersImportedBy);
  expect(to.filter((folder) => !imported.includes(folder))).toEqual([]);
});

test('no file imports itself by way of others', () => {
  const imports = new Map(files.map((file) => [file, filesImportedBy(file)]));
  const reachedFrom = (start: string): Set<string> => {
    const reached = new Set<string>();
    const open = [...(imports.get(start) ?? [])];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (reached.has(file)) continue;
      reached.add(file);
      open.push(...(imports.get(file) ?? []));
    }
    return reached;
  };
  expect(files.filter((file) => reachedFrom(file).has(file))).toEqual([]);
});
