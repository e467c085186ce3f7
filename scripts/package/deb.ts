import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { BundledPackage } from '../bundling.js';
import type { Processor } from './pinned.ts';
import { run } from './run.ts';
import { setModes, writeGzip } from './stage.ts';

/** What a .deb is made of. */
export interface DebOptions {
  readonly root: string;
  /** The filled stage; this package's own files are added to it. */
  readonly stage: string;
  /** Where the file goes. */
  readonly out: string;
  readonly processor: Processor;
  readonly version: string;
  /** `NAME <ADDRESS>`. */
  readonly maintainer: string;
  readonly packages: readonly BundledPackage[];
  /** When the commit was made, in seconds since 1970: the time of all files. */
  readonly epoch: number;
}

/** Debian's names of processors. */
const ARCHITECTURES: Record<Processor, string> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Found by lintian, and right: Node carries its own zlib, as all of its libraries, and its makers build it without PIE.
 */
const LINTIAN_OVERRIDES = `avma: embedded-library zlib [usr/lib/avma/bin/avma]
avma: hardening-no-pie [usr/lib/avma/bin/avma]
`;

/** Packs the stage as a .deb. @returns the file. */
export async function makeDeb(options: DebOptions): Promise<string> {
  const { stage, out, processor, version, epoch } = options;
  const documents = path.join(stage, 'usr/share/doc/avma');
  fs.writeFileSync(path.join(documents, 'copyright'), copyrightText(options.packages));
  writeGzip(path.join(documents, 'changelog.gz'), changelog(options));
  const overrides = path.join(stage, 'usr/share/lintian/overrides');
  fs.mkdirSync(overrides, { recursive: true });
  fs.writeFileSync(path.join(overrides, 'avma'), LINTIAN_OVERRIDES);
  setModes(stage);
  const control = path.join(stage, 'DEBIAN');
  fs.mkdirSync(control);
  const files = filesBelow(stage, 'usr');
  const digests = files.map((file) => `${md5(path.join(stage, file))}  ${file}\n`);
  fs.writeFileSync(path.join(control, 'md5sums'), digests.join(''));
  fs.writeFileSync(path.join(control, 'control'), controlText(options, sizeInKib(stage, files)));
  const scripts = path.join(options.root, 'scripts/package/deb');
  for (const script of fs.readdirSync(scripts)) {
    fs.copyFileSync(path.join(scripts, script), path.join(control, script));
    fs.chmodSync(path.join(control, script), 0o755);
  }
  const file = path.join(out, `avma_${version}_${ARCHITECTURES[processor]}.deb`);
  // xz, because lintian refuses zstd; at level 1, because level 6 takes five times as long to save an eighth.
  await run('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', stage, `${file}.part`], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  });
  fs.renameSync(`${file}.part`, file);
  fs.rmSync(control, { recursive: true });
  return file;
}

function controlText({ processor, version, maintainer }: DebOptions, installedKib: number): string {
  return `Package: avma
Version: ${version}
Section: admin
Priority: optional
Architecture: ${ARCHITECTURES[processor]}
Maintainer: ${maintainer}
Installed-Size: ${installedKib}
Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 6), init-system-helpers (>= 1.52)
Suggests: socat, openssh-client
Description: activation of virtual machines through their host
 A guest asks the host that it runs on for a license of its products, through
 a channel of the hypervisor's and without a network. The package has the
 guest's commands avma and slmgr, the agent that keeps the guest licensed, and
 the host that answers.
`;
}

/** In the machine-readable form of Debian's copyright files. */
function copyrightText(packages: readonly BundledPackage[]): string {
  const others = packages.map(({ name, version, license }) => `  ${name} ${version}: ${license}\n`);
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: avma
Comment:
 The executable contains Node.js and these libraries:
${others.join('')} Their copyright notices and licenses, and those of the libraries in Node.js, are in
 /usr/share/doc/avma/THIRD-PARTY.

Files: *
Copyright: 2026 The authors of avma
License: Apache-2.0
 On Debian systems, the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
`;
}

function changelog({ version, maintainer, epoch }: DebOptions): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `avma (${version}) unstable; urgency=medium

  * Version ${version}. What is new in it is in CHANGELOG.md of the sources.

 -- ${maintainer}  ${date}
`;
}

function filesBelow(stage: string, folder: string): string[] {
  return fs
    .readdirSync(path.join(stage, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(stage, path.join(entry.parentPath, entry.name)))
    .sort();
}

function sizeInKib(stage: string, files: readonly string[]): number {
  return files.reduce((sum, file) => sum + Math.ceil(fs.statSync(path.join(stage, file)).size / 1024), 0);
}

function md5(file: string): string {
  return createHash('md5').update(fs.readFileSync(file)).digest('hex');
}
