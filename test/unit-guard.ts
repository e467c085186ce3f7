/**
 * Loaded before each unit test. Starting a process, listening and connecting fail there, so that unit tests stay pure
 * and fast. A test that needs any of them is a system test: see vitest.config.ts.
 */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

function refuse(what: string): () => never {
  return () => {
    throw new Error(
      `a unit test may not ${what}: name its file in SYSTEM_TESTS of test/tiers.ts, or test the pure part alone`,
    );
  };
}

for (const name of ['spawn', 'spawnSync', 'fork', 'exec', 'execSync', 'execFile', 'execFileSync'] as const) {
  Object.assign(childProcess, { [name]: refuse(`start a process (${name})`) });
}
net.Server.prototype.listen = refuse('listen on a socket');
net.Socket.prototype.connect = refuse('connect to a socket');
syncBuiltinESMExports();
