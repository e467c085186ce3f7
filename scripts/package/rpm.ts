import fs from 'node:fs';
import path from 'node:path';
import type { Processor } from './pinned.ts';
import { run } from './run.ts';
import { setModes } from './stage.ts';

/** What an .rpm is made of. */
export interface RpmOptions {
  readonly root: string;
  /** The filled stage, which is left as it is. */
  readonly stage: string;
  readonly out: string;
  readonly processor: Processor;
  readonly version: string;
  /** `NAME <ADDRESS>`. */
  readonly maintainer: string;
  /** In seconds since 1970. */
  readonly epoch: number;
}

/** RPM's names of processors. */
const TARGETS: Record<Processor, string> = { x64: 'x86_64', arm64: 'aarch64' };

/** Folders that are this package's own; all others on the way belong to the system. */
const OWN_FOLDERS = /^\/(usr\/lib\/avma|etc\/avma|usr\/share\/doc\/avma|usr\/share\/licenses\/avma)(\/|$)/;

/** Packs the stage as an .rpm. @returns the file. */
export async function makeRpm(options: RpmOptions): Promise<string> {
  const { root, stage, out, processor, version, maintainer, epoch } = options;
  const work = path.join(out, 'build', `rpm-${processor}`);
  fs.rmSync(work, { recursive: true, force: true });
  fs.mkdirSync(work, { recursive: true });
  const tree = path.join(work, 'stage');
  await run('cp', ['-al', stage, tree]);
  arrangeForFedora(root, tree);
  const files = path.join(work, 'files');
  fs.writeFileSync(files, fileList(tree));
  const defines = {
    _topdir: work,
    _rpmdir: work,
    _stage: tree,
    _files: files,
    // A hyphen is not allowed there; a tilde sorts before the release, as a pre-release has to.
    _version: version.replaceAll('-', '~'),
    _date: dateOfChange(epoch),
    packager: maintainer,
  };
  const target = TARGETS[processor];
  await run(
    'rpmbuild',
    [
      ...['-bb', '--quiet', '--target', target],
      ...Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
      path.join(root, 'scripts/package/rpm/avma.spec'),
    ],
    { env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) } },
  );
  const [made] = fs.readdirSync(path.join(work, target)) as [string];
  const file = path.join(out, made);
  fs.renameSync(path.join(work, target, made), file);
  fs.rmSync(work, { recursive: true });
  return file;
}

/** What has another place or is another file there than on Debian. */
function arrangeForFedora(root: string, tree: string): void {
  const move = (from: string, to: string) => {
    fs.mkdirSync(path.dirname(path.join(tree, to)), { recursive: true });
    fs.renameSync(path.join(tree, from), path.join(tree, to));
  };
  move('usr/share/zsh/vendor-completions/_avma', 'usr/share/zsh/site-functions/_avma');
  move('usr/share/doc/avma/THIRD-PARTY', 'usr/share/licenses/avma/THIRD-PARTY');
  fs.rmSync(path.join(tree, 'usr/share/zsh/vendor-completions'), { recursive: true });
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(tree, 'usr/share/licenses/avma/LICENSE'));
  const presets = path.join(tree, 'usr/lib/systemd/system-preset');
  fs.mkdirSync(presets);
  const preset = '90-avma.preset';
  fs.copyFileSync(path.join(root, 'scripts/package/rpm', preset), path.join(presets, preset));
  setModes(tree);
}

/** Every file and every folder of this package's own, as %files takes them. */
function fileList(tree: string): string {
  const entries = fs.readdirSync(tree, { recursive: true, withFileTypes: true });
  return entries
    .flatMap((entry) => {
      const place = `/${path.relative(tree, path.join(entry.parentPath, entry.name))}`;
      if (entry.isDirectory())
        return OWN_FOLDERS.test(place) ? [`%dir %attr(0755, root, root) ${place}`] : [];
      const attributes = entry.isSymbolicLink()
        ? '%attr(-, root, root)'
        : `%attr(${modeOf(tree, place)}, root, root)`;
      return [`${kindOf(place)}${attributes} ${place}`];
    })
    .sort()
    .map((line) => `${line}\n`)
    .join('');
}

function kindOf(place: string): string {
  if (place.startsWith('/usr/share/licenses/')) return '%license ';
  return /^\/usr\/share\/(doc|man)\//.test(place) ? '%doc ' : '';
}

function modeOf(tree: string, place: string): string {
  return `0${(fs.statSync(path.join(tree, place)).mode & 0o777).toString(8)}`;
}

/** `Tue Nov 24 2026`, as the changelog of an .rpm has it. */
function dateOfChange(epoch: number): string {
  const [day = '', date, month, year] = new Date(epoch * 1000).toUTCString().split(/,? /);
  return `${day} ${month} ${date} ${year}`;
}
