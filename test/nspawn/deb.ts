import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** The same package with another version, as a new file in the folder. */
export function withVersion(file: string, version: string, folder: string): string {
  const tree = path.join(folder, 'package');
  execFileSync('dpkg-deb', ['--raw-extract', file, tree]);
  const control = path.join(tree, 'DEBIAN/control');
  fs.writeFileSync(
    control,
    fs.readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}`),
  );
  const target = path.join(folder, `avma_${version}_amd64.deb`);
  // Not compressed: that is the fastest.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, target], { stdio: 'pipe' });
  fs.rmSync(tree, { recursive: true });
  return target;
}
