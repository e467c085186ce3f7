// Runs a command from its sources, file by file and without a build, for a debugger or a stack trace:
//   npm run dev -- slmgr /dlv
//   node --inspect-brk --enable-source-maps scripts/from-source.js avma guest status
import { register } from 'node:module';
import path from 'node:path';

register('./typescript-hooks.js', import.meta.url);

const root = path.dirname(import.meta.dirname);
const [name, ...argv] = process.argv.slice(2);
const { main } = await import(`../src/cli/${name}/main.ts`);
const launcher = {
  packageRoot: root,
  bundleFolder: path.join(root, 'dist'),
  interpreter: [process.execPath],
  findBundle: () => null,
  importModule: (url) => import(url),
};
await main(launcher, argv);
