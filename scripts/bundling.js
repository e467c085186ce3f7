// What the bundles of `npm run build` and `npm run package` have in common.
import { readFileSync } from 'node:fs';

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
