// `npm start`: everything from a fresh checkout to a license on the screen. Needs Node and npm, nothing else.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const run = (command) => execSync(command, { stdio: ['ignore', 'inherit', 'inherit'] });

try {
  if (!existsSync('node_modules/esbuild')) run('npm ci');
  run('npm run --silent build');
  run('node bin/avma demo');
} catch (failed) {
  // The command has said why.
  process.exitCode = failed.status ?? 1;
}
