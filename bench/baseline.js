// The commit that the host's figures are held against.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The last commit whose host kept a file of JSON Lines and did all its work in one thread. */
const BASELINE = '99eae37';

/**
 * A built checkout of the baseline, in a temporary folder, with the packages of this one.
 *
 * @returns its folder, and what removes it; null where git does not know the commit.
 */
export function checkOutBaseline(root) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-baseline-'));
  const remove = () => fs.rmSync(folder, { recursive: true, force: true });
  try {
    const archive = execFileSync('git', ['-C', root, 'archive', BASELINE], {
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
  } catch {
    remove();
    return null;
  }
  fs.symlinkSync(fs.realpathSync(path.join(root, 'node_modules')), path.join(folder, 'node_modules'));
  execFileSync(process.execPath, ['scripts/build.js'], { cwd: folder, stdio: 'ignore' });
  return { folder, remove };
}
