// What the bundles of `npm run build` and `npm run package` have in common.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Turns `import fs from 'node:fs'` into a plain require. esbuild would copy every property of the module into a
 * namespace object, and calling all lazy getters of the module on the way costs some 5 ms of a start.
 */
export const plainBuiltins = {
  name: 'plain-builtins',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /^import (\w+) from '(node:\w+)';$/gm,
        "const $1 = require('$2');",
      ),
      loader: 'ts',
    }));
  },
};

/** Replaces the search for the native part of fs-native-extensions by `source`, the text of a CommonJS module. */
export function addonFrom(source) {
  return {
    name: 'addon',
    setup({ onLoad }) {
      onLoad({ filter: /fs-native-extensions[\\/]binding\.js$/ }, () => ({ contents: source }));
    },
  };
}

/** The npm packages that went into a bundle, by name. */
export function bundledPackages(root, { inputs }) {
  const names = Object.keys(inputs)
    .map((file) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].sort().map((name) => readPackage(path.join(root, 'node_modules', name)));
}

function readPackage(folder) {
  const record = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const { name, version, license } = record;
  const file = readdirSync(folder).find((entry) => /^(licen[sc]e|copying)(\.(md|txt))?$/i.test(entry));
  const author = typeof record.author === 'object' ? record.author.name : record.author;
  const text =
    file === undefined
      ? `The package brings no text of its license. Its package.json says: ${license}, by ${author ?? 'unnamed authors'}.`
      : readFileSync(path.join(folder, file), 'utf8').trim();
  return { name, version, license, text };
}

/** The file THIRD-PARTY: what is bundled, each with the text of its license. */
export function thirdPartyText(packages) {
  return [
    'avma contains parts of what is listed here. Each is under the license that follows below.',
    '',
    ...packages.map(({ name, version, license }) => `  ${name} ${version}  ${license}`),
    ...packages.flatMap(({ name, version, text }) => {
      const title = `${name} ${version}`;
      return ['', `==== ${title} ${'='.repeat(Math.max(4, 110 - title.length))}`, '', text];
    }),
    '',
  ].join('\n');
}
