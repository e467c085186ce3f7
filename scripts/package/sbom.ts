import { createHash } from 'node:crypto';
import type { BundledPackage } from '../bundling.js';
import { NODE_VERSION } from './pinned.ts';

/** What the bill of materials is made of. */
export interface SbomOptions {
  readonly version: string;
  readonly packages: readonly BundledPackage[];
  /** `process.versions` of the Node in the executable: the libraries that it contains. */
  readonly nodeVersions: Readonly<Record<string, string>>;
  /** In seconds since 1970. */
  readonly epoch: number;
}

/** Members of `process.versions` that are numbers of interfaces and no libraries. */
const NO_LIBRARY = /^(node|modules|napi|unicode|cldr|tz)$/;

/**
 * The bill of materials of the executable, as CycloneDX 1.5: avma, each npm package of which a part is in it, Node, and
 * the libraries in Node. The same commit gives the same text: the serial number is derived from the rest.
 */
export function sbomText({ version, packages, nodeVersions, epoch }: SbomOptions): string {
  const self = {
    type: 'application',
    'bom-ref': `avma@${version}`,
    name: 'avma',
    version,
    ...licensed('Apache-2.0'),
  };
  const node = {
    type: 'framework',
    'bom-ref': `node@${NODE_VERSION}`,
    name: 'node',
    version: NODE_VERSION,
    cpe: `cpe:2.3:a:nodejs:node.js:${NODE_VERSION}:*:*:*:*:*:*:*`,
    ...licensed('MIT'),
    components: Object.entries(nodeVersions)
      .filter(([name]) => !NO_LIBRARY.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, libraryVersion]) => ({ type: 'library', name, version: libraryVersion })),
  };
  const libraries = packages.map((each) => ({
    type: 'library',
    'bom-ref': `${each.name}@${each.version}`,
    name: each.name,
    version: each.version,
    purl: each.purl ?? `pkg:npm/${each.name.replace('@', '%40')}@${each.version}`,
    ...licensed(each.license),
  }));
  const components = [node, ...libraries];
  const references = components.map((component) => component['bom-ref']);
  const document = {
    metadata: { timestamp: new Date(epoch * 1000).toISOString(), component: self },
    components,
    dependencies: [{ ref: self['bom-ref'], dependsOn: references }, ...references.map((ref) => ({ ref }))],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`;
  const whole = {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber,
    version: 1,
    ...document,
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

function licensed(license: string) {
  return { licenses: [/ (AND|OR) /.test(license) ? { expression: license } : { license: { id: license } }] };
}

/** A UUID of version 8, whose bits are a digest's. */
function uuidOf(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
