import fs from 'node:fs';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { NODE_VERSION } from './pinned.ts';

/** A package of which a part is in the executable. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As SPDX writes it. */
  readonly license: string;
  /** The text of the license, as the package brings it. */
  readonly text: string;
}

/** The npm packages that went into a bundle, by name. */
export function bundledPackages(root: string, { inputs }: Metafile): BundledPackage[] {
  const names = Object.keys(inputs)
    .map((file) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].sort().map((name) => readPackage(path.join(root, 'node_modules', name)));
}

function readPackage(folder: string): BundledPackage {
  const record = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const { name, version, license } = record;
  const file = fs.readdirSync(folder).find((entry) => /^(licen[sc]e|copying)(\.(md|txt))?$/i.test(entry));
  const author = typeof record.author === 'object' ? record.author.name : record.author;
  const text =
    file === undefined
      ? `The package brings no text of its license. Its package.json says: ${license}, by ${author ?? 'unnamed authors'}.`
      : fs.readFileSync(path.join(folder, file), 'utf8').trim();
  return { name, version, license, text };
}

/** The file THIRD-PARTY: the licenses of Node, of what Node contains, and of each bundled package. */
export function thirdPartyText(packages: readonly BundledPackage[], nodePackage: string): string {
  const nodeLicense = fs.readFileSync(path.join(nodePackage, 'LICENSE'), 'utf8').trim();
  const list = packages.map(({ name, version, license }) => `  ${name} ${version}  ${license}`);
  return [
    'The executable of avma contains Node.js and these packages of npm. Each is under the license that follows here.',
    '',
    `  Node.js ${NODE_VERSION}  MIT, and those of the libraries in it`,
    ...list,
    ...packages.flatMap(({ name, version, text }) => ['', rule(`${name} ${version}`), '', text]),
    '',
    rule(`Node.js ${NODE_VERSION}`),
    '',
    nodeLicense,
    '',
  ].join('\n');
}

function rule(title: string): string {
  return `==== ${title} ${'='.repeat(Math.max(4, 110 - title.length))}`;
}
