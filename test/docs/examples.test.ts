/** The examples of docs/ are what they are examples of. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadCatalog } from '../../src/catalog/catalog.ts';
import { readSetupFile } from '../../src/setup/setup-file.ts';
import { schemaErrors } from '../support/json-schemas.ts';

const ANCHOR = JSON.stringify({
  schema: 'avma.trust-anchor/1',
  name: 'Example Ltd',
  publicKey: Buffer.alloc(32, 1).toString('base64url'),
  createdAt: 0,
});

test('docs/examples/acme.json is a catalog whose products can be activated', () => {
  const { products } = loadCatalog([new URL('../../docs/examples', import.meta.url).pathname]);
  expect(products.map(({ channel }) => channel)).toEqual(['VT:IA', 'VT:IA']);
});

test.each(['docs/examples/acme.json', 'keys/windows-server.json'])(
  '%s is what the schema of catalogs says',
  (file) => {
    const catalog = JSON.parse(fs.readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
    expect(schemaErrors(catalog, 'catalog')).toBeNull();
    expect(
      schemaErrors({ ...catalog, products: [{ ...catalog.products[0], version: 'v 1' }] }, 'catalog'),
    ).not.toBeNull();
  },
);

/** Every block of YAML in the documents, by its document. */
const YAML_BLOCKS = fs
  .readdirSync(new URL('../../docs', import.meta.url))
  .filter((file) => file.endsWith('.md'))
  .flatMap((file) => {
    const text = fs.readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    return [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => ({ file, block }));
  });

/** The setups in a block: a setup file as a whole, the member `avma` of user-data, a file that user-data writes. */
function setupsIn(block: string): unknown[] {
  const whole = parse(block) as Record<string, unknown>;
  if (whole.schema === 'avma.setup/1') return [whole];
  if (whole.avma !== undefined) return [{ schema: 'avma.setup/1', ...(whole.avma as object) }];
  return [...block.matchAll(/^( *)schema: avma\.setup\/1\n(?:\1\S.*\n?)+/gm)].map(([setup]) => parse(setup));
}

test('each setup in the documents is one', () => {
  const setups = YAML_BLOCKS.flatMap(({ file, block }) =>
    setupsIn(block).map((setup) => ({ file, setup: JSON.stringify(setup) })),
  );
  expect(setups.length).toBeGreaterThanOrEqual(5);
  for (const { file, setup } of setups) {
    const { finding } = readSetupFile(Buffer.from(setup), {
      name: file,
      readAnchor: () => ANCHOR,
      mayRun: false,
    });
    expect(finding.outcome, `${setup}: ${finding.why}`).toMatch(/^(key|placeholder)$/);
  }
});

test('the recording is small and names no folder of the machine that made it', () => {
  const recording = fs.readFileSync(new URL('../../docs/images/walk.svg', import.meta.url), 'utf8');
  expect(recording.length).toBeLessThan(150_000);
  const paths = recording.match(/(?<=[ >])\/[\w.-]+(\/[\w.-]+)+/g) ?? [];
  expect(paths).not.toEqual([]);
  for (const file of paths) expect(file).toMatch(/^\/tmp\/acme\/|^\/run\/avma\//);
});

test.each(['guest', 'host', 'protocol'])('docs/architecture.md names each file of src/%s', (folder) => {
  const text = fs.readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
  const files = fs
    .readdirSync(new URL(`../../src/${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'));
  expect(files.filter((file) => !text.includes(path.basename(file)))).toEqual([]);
});
