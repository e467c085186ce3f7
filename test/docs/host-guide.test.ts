/** A host's life as docs/host.md has an operator type it: set up, served, backed up, moved, renamed. */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import { STANDARD_2025 } from '../cli/test-machine.ts';
import { HANG_MS } from '../support/hang.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const guide = fs.readFileSync(path.join(ROOT, 'docs/host.md'), 'utf8');

/** The shell blocks under a heading, in their order. */
function blocks(heading: string): string[] {
  const section = guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block ?? '');
}

/** A machine whose systemd is a few lines of shell: it starts and stops one host. */
const SYSTEMD = `
set -e
systemctl() {
  case "$1 $2" in
    'start avma-host')
      avma host serve --listen "unix:$PWD/h.sock" 2>> log & echo $! > pid
      for try in $(seq 600); do grep -q 'h.sock  any guest' log && break; sleep 0.1; done ;;
    'stop avma-host') kill "$(cat pid)"; wait "$(cat pid)" || true; rm pid; : > log ;;
    *) echo "systemctl $*: unknown here" >&2; return 1 ;;
  esac
}
trap 'test -e pid && kill "$(cat pid)"' EXIT
certify() { (cd vendor-desk && avma vendor certify ../request.json --key v/root.key --edition ServerDatacenter \\
  --os-version 10.0.26100 --days 365) > certificate.json; }
`;

/** What an operator types, on a machine whose folders lie in \`folder\`. */
async function type(folder: string, script: string): Promise<string> {
  const env = {
    PATH: `${path.join(ROOT, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    AVMA_STATE_DIR: path.join(folder, 'avma'),
    AVMA_CONFIG: path.join(folder, 'config.json'),
    AVMA_HOST_CONFIG_DIR: path.join(folder, 'host.d'),
    AVMA_TRUST_DIR: path.join(folder, 'none'),
    AVMA_VM_ID: '7d1f2c3e-5b6a-4f80-9c12-0a1b2c3d4e5f',
    AVMA_PIPE: `unix:${folder}/h.sock`,
  };
  const here = script
    .replaceAll('/var/lib/avma', path.join(folder, 'avma'))
    .replaceAll('/backup', path.join(folder, 'backup'));
  const { stdout } = await promisify(execFile)('bash', ['-c', SYSTEMD + here], {
    cwd: folder,
    env,
    timeout: HANG_MS,
  });
  return stdout;
}

// It takes a good part of a minute.
test.skipIf(process.env.AVMA_TEST_VM !== 'required')(
  'a host is set up, serves, is backed up, restored on another machine, and renamed',
  async () => {
    const folder = tempFolder();
    for (const name of ['vendor-desk', 'backup']) fs.mkdirSync(path.join(folder, name));
    fs.writeFileSync(path.join(folder, 'config.json'), '{}');
    const env = { ...process.env, HOME: folder };
    const avma = path.join(ROOT, 'bin/avma');
    execFileSync(avma, ['vendor', 'init', '--out', 'v'], {
      cwd: path.join(folder, 'vendor-desk'),
      env,
      stdio: 'pipe',
    });

    const [setUp = ''] = blocks('Set up a host');
    const certified = (script: string) => script.replace(/^(avma host request .*)$/m, '$1\ncertify');
    const [health = ''] = blocks('Check its health');
    const verify = 'avma host ledger verify';
    expect(blocks('Check the ledger').join('\n')).toContain(verify);
    const first = await type(
      folder,
      `${certified(setUp)}
     systemctl start avma-host
     avma guest trust add vendor-desk/v/root.pub.json
     avma guest install-key ${STANDARD_2025}
     ${health.replaceAll(/^(journalctl|avma host (events --follow|top)).*$/gm, '')}
     avma host reload
     ${verify}
     avma host report -o 2026-11.report.json
     systemctl stop avma-host`,
    );
    expect(first).toMatch(/^State +activated, /m);
    expect(first).toContain('Nothing has changed.');

    const [backUp = '', restore = ''] = blocks('Back up, restore, move to new hardware');
    const whole = backUp
      .split('\n')
      .filter((line) => findProgram('sqlite3', process.env) !== null || !/^sqlite3/.test(line));
    await type(folder, `systemctl start avma-host\n${whole.join('\n')}\nsystemctl stop avma-host`);
    fs.rmSync(path.join(folder, 'avma/host'), { recursive: true });
    const restored = await type(
      folder,
      `${restore}\navma guest activate\navma host status\nsystemctl stop avma-host`,
    );
    expect(restored).toMatch(/^State +activated, /m);

    const [rename = ''] = blocks('Rename the host, or give it new keys');
    const renamed = await type(
      folder,
      `systemctl start avma-host\n${certified(rename)}\navma guest activate\navma guest status\nsystemctl stop avma-host`,
    );
    expect(renamed).toContain('new-name');
  },
);
