import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './run.ts';

/** What the bundle for sites without internet is made of. */
export interface OfflineOptions {
  readonly root: string;
  readonly out: string;
  readonly version: string;
  /** The packages and archives. */
  readonly files: readonly string[];
  readonly sbom: string;
  /** A private key of ssh's, or a public one whose private key the agent of ssh holds. */
  readonly key: string | undefined;
  /** In seconds since 1970. */
  readonly epoch: number;
}

/** What a signature is for: ssh-keygen accepts none that was made for something else. */
const NAMESPACE = 'avma-bundle';

/** Puts everything into one .tar, with checksums and, if a key is given, a signature of these. @returns the file. */
export async function makeOfflineBundle(options: OfflineOptions): Promise<string> {
  const { root, out, version, files, sbom, key, epoch } = options;
  const name = `avma-${version}-offline`;
  const folder = path.join(out, 'build', name);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const file of files) fs.linkSync(file, path.join(folder, path.basename(file)));
  fs.writeFileSync(path.join(folder, 'sbom.cdx.json'), sbom);
  const instructions = fs.readFileSync(path.join(root, 'scripts/package/offline/INSTALL.txt'), 'utf8');
  fs.writeFileSync(
    path.join(folder, 'INSTALL.txt'),
    instructions.replaceAll('@VERSION@', version).replaceAll('@RPM_VERSION@', version.replaceAll('-', '~')),
  );
  fs.cpSync(path.join(root, 'docs'), path.join(folder, 'docs'), { recursive: true });
  for (const file of ['LICENSE', 'CHANGELOG.md', 'SECURITY.md']) {
    fs.copyFileSync(path.join(root, file), path.join(folder, file));
  }
  const sums = path.join(folder, 'SHA256SUMS');
  fs.writeFileSync(sums, checksums(folder));
  if (key !== undefined) await run('ssh-keygen', ['-q', '-Y', 'sign', '-f', key, '-n', NAMESPACE, sums]);
  const file = path.join(out, `${name}.tar`);
  await run('tar', [...reproducible(epoch), '-cf', file, '-C', path.dirname(folder), name]);
  fs.rmSync(folder, { recursive: true });
  return file;
}

/** What tar is told so that the same files give the same archive. */
export function reproducible(epoch: number): string[] {
  return [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${epoch}`,
    '--mode=u+rwX,go+rX,go-w',
  ];
}

function checksums(folder: string): string {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort()
    .map((file) => {
      const digest = createHash('sha256')
        .update(fs.readFileSync(path.join(folder, file)))
        .digest('hex');
      return `${digest}  ${file}\n`;
    })
    .join('');
}
