import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { BundledPackage } from '../bundling.js';
import { makeDeb } from './deb.ts';
import { emulatorFor } from './emulator.ts';
import { makeExecutable } from './executable.ts';
import { makeOfflineBundle, reproducible } from './offline.ts';
import { nodePackage, type Processor } from './pinned.ts';
import { makeRpm } from './rpm.ts';
import { run } from './run.ts';
import { sbomText } from './sbom.ts';
import { fillStage } from './stage.ts';

const KINDS = ['executable', 'archive', 'deb', 'rpm', 'npm', 'sbom', 'bundle'] as const;
type Kind = (typeof KINDS)[number];

const PROCESSORS: readonly Processor[] = ['x64', 'arm64'];

const USAGE = `npm run package [-- OPTIONS]: makes what is handed out, into out/ (docs/packages.md)

  --only KIND,...         make these only: ${KINDS.join(', ')}
  --processor NAME,...    for these processors: ${PROCESSORS.join(', ')} (with --only: this machine's)
  --version VERSION       what the packages say that they are (package.json's version)
  --maintainer TEXT       who maintains the packages: "NAME <ADDRESS>"
  --sign KEY              sign the checksums of the bundle with this private key of ssh's
  --out FOLDER            where the files go (out)
  --help                  show this
`;

/** What one run makes, for every step. */
interface Job {
  readonly root: string;
  readonly out: string;
  readonly kinds: ReadonlySet<Kind>;
  readonly processors: readonly Processor[];
  readonly version: string;
  readonly maintainer: string;
  readonly key: string | undefined;
  /** When the commit was made, in seconds since 1970. */
  readonly epoch: number;
}

/** Makes what is asked for. @returns the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const job = await readJob(argv);
    if (job === undefined) process.stdout.write(USAGE);
    else await make(job);
    return 0;
  } catch (failed) {
    process.stderr.write(`npm run package: ${failed instanceof Error ? failed.message : failed}\n`);
    return 1;
  }
}

async function readJob(argv: readonly string[]): Promise<Job | undefined> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      processor: { type: 'string' },
      version: { type: 'string' },
      maintainer: { type: 'string', default: 'avma <avma@example.org>' },
      sign: { type: 'string' },
      out: { type: 'string', default: 'out' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  const root = process.cwd();
  const only = values.only === undefined ? KINDS : chosen('--only', values.only, KINDS);
  const own = PROCESSORS.filter((processor) => values.only === undefined || processor === process.arch);
  return {
    root,
    out: path.resolve(root, values.out),
    kinds: new Set(only),
    processors: values.processor === undefined ? own : chosen('--processor', values.processor, PROCESSORS),
    version: values.version ?? JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).version,
    maintainer: values.maintainer,
    key: values.sign,
    epoch: await commitTime(root),
  };
}

function chosen<T extends string>(option: string, list: string, from: readonly T[]): T[] {
  return list.split(',').map((word) => {
    const found = from.find((each) => each === word);
    if (found === undefined) throw new Error(`${option}: "${word}" is none of ${from.join(', ')}`);
    return found;
  });
}

/** SOURCE_DATE_EPOCH, else the time of the commit; now where neither is known. */
async function commitTime(root: string): Promise<number> {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH);
  try {
    return Number(await run('git', ['log', '-1', '--format=%ct'], { cwd: root }));
  } catch {
    // Sources without their history, from an archive.
    return Math.floor(Date.now() / 1000);
  }
}

async function make(job: Job): Promise<void> {
  const { root, out, kinds, version, epoch, key } = job;
  fs.mkdirSync(out, { recursive: true });
  const asked = (...some: Kind[]) => some.some((kind) => kinds.has(kind));
  const files: string[] = [];
  let packages: readonly BundledPackage[] = [];
  if (asked('executable', 'archive', 'deb', 'rpm', 'sbom', 'bundle')) {
    for (const processor of job.processors) {
      const made = await makeFor(job, processor);
      files.push(...made.files);
      packages = made.packages;
    }
  }
  for (const file of files) say(file);
  if (asked('npm')) {
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', out], { cwd: root });
    say(path.join(out, packed.trim().split('\n').at(-1) ?? ''));
  }
  if (!asked('sbom', 'bundle')) return;
  const nodeVersions = await versionsInNode(job.processors[0] ?? 'x64');
  const sbom = sbomText({ version, packages, nodeVersions, epoch });
  const sbomFile = path.join(out, `avma-${version}.cdx.json`);
  fs.writeFileSync(sbomFile, sbom);
  say(sbomFile);
  if (asked('bundle')) say(await makeOfflineBundle({ root, out, version, files, sbom, key, epoch }));
}

/** All that there is for one processor. A bundle has all kinds of packages in it. */
async function makeFor(job: Job, processor: Processor) {
  const { root, out, version, maintainer, epoch } = job;
  const wanted = (kind: Kind) => job.kinds.has(kind) || job.kinds.has('bundle');
  const executable = path.join(out, `linux-${processor}`);
  const packages = await makeExecutable({ root, processor, version, target: executable });
  if (job.kinds.has('executable')) say(path.join(executable, 'bin/avma'));
  const files: string[] = [];
  if (wanted('archive')) files.push(await makeArchive(job, processor, executable));
  if (wanted('deb') || wanted('rpm')) {
    const stage = path.join(out, 'build', `stage-${processor}`);
    const date = new Date(epoch * 1000).toISOString().slice(0, 10);
    await fillStage({ root, executable, stage, setting: { version, date } });
    const common = { root, stage, out, processor, version, maintainer, epoch };
    if (wanted('rpm')) files.push(await makeRpm(common));
    if (wanted('deb')) files.push(await makeDeb({ ...common, packages }));
    fs.rmSync(stage, { recursive: true });
  }
  return { files, packages };
}

/** The tree of the executable for machines without dpkg or rpm. */
async function makeArchive(
  { out, version, epoch }: Job,
  processor: Processor,
  tree: string,
): Promise<string> {
  const file = path.join(out, `avma-${version}-linux-${processor}.tar.gz`);
  const name = `s,^\\.,avma-${version},`;
  await run('tar', [
    ...reproducible(epoch),
    '--transform',
    name,
    '-I',
    'gzip -n6',
    '-cf',
    file,
    '-C',
    tree,
    '.',
  ]);
  return file;
}

async function versionsInNode(processor: Processor): Promise<Record<string, string>> {
  const node = path.join(await nodePackage(processor), 'bin/node');
  const [file = '', ...args] = [
    ...(await emulatorFor(processor)),
    node,
    '-p',
    'JSON.stringify(process.versions)',
  ];
  return JSON.parse(await run(file, args, { env: { PATH: process.env.PATH } }));
}

function say(file: string): void {
  const { size } = fs.statSync(file);
  process.stdout.write(`${path.relative(process.cwd(), file)}  ${(size / 1e6).toFixed(1)} MB\n`);
}
