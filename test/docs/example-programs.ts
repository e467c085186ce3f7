/** The programs of docs/examples/program, as a vendor makes them: with his root and his product in them. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { findProgram } from '../../src/system/find-program.ts';
import { findPython, GO_ENVIRONMENT, orMissing } from '../verify/ports.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const EXAMPLES = path.join(ROOT, 'docs/examples/program');

/** What a vendor writes into his program. */
interface Pinned {
  /** The root's public key in base64url. */
  readonly root: string;
  /** The activation ID. */
  readonly product: string;
  /** The file that has the VM ID, which for a test is another than the system's. */
  readonly vmIdFile: string;
}

/** One of the programs. */
export interface ExampleProgram {
  /** What it writes to stdout. */
  run(args: readonly string[], env: NodeJS.ProcessEnv): string;
}

/** The programs, made in `folder`, by their language; null for one that cannot be made here. */
export async function examplePrograms(
  folder: string,
  pinned: Pinned,
): Promise<Record<string, ExampleProgram | null>> {
  return {
    TypeScript: await typescript(path.join(folder, 'typescript'), pinned),
    Python: python(path.join(folder, 'python'), pinned),
    Go: go(path.join(folder, 'go'), pinned),
  };
}

/** A copy of an example with the values of its three constants replaced. */
function copy(name: string, folder: string, { root, product, vmIdFile }: Pinned): void {
  fs.cpSync(path.join(EXAMPLES, name), folder, { recursive: true });
  for (const file of fs.readdirSync(folder)) {
    const text = fs.readFileSync(path.join(folder, file), 'utf8');
    const pinnedText = text
      .replace(/(?<=\bROOT = ["']|\broot = ")[^"']+/, root)
      .replace(/(?<=\bPRODUCT = ["']|\bproduct = ")[^"']+/, product)
      .replace('/sys/class/dmi/id/product_uuid', vmIdFile);
    fs.writeFileSync(path.join(folder, file), pinnedText);
  }
}

function runner(program: string, before: readonly string[]): ExampleProgram {
  return {
    run: (args, env) => {
      const { stdout, stderr, error } = spawnSync(program, [...before, ...args], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
      if (error !== undefined) throw error;
      if (stdout === '') throw new Error(`${program} said nothing. ${stderr}`);
      return stdout;
    },
  };
}

async function typescript(folder: string, pinned: Pinned): Promise<ExampleProgram> {
  copy('typescript', folder, pinned);
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  // As npm install avma would leave it.
  fs.symlinkSync(ROOT, path.join(modules, 'avma'));
  for (const name of ['@types', 'undici-types']) {
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  }
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    noEmit: true,
    types: ['node'],
  };
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  execFileSync(path.join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'inherit' });
  const program = path.join(folder, 'gateway.mjs');
  await build({ entryPoints: [path.join(folder, 'gateway.ts')], outfile: program, format: 'esm' });
  return runner(process.execPath, [program]);
}

function python(folder: string, pinned: Pinned): ExampleProgram | null {
  const program = findPython();
  if (program === undefined) {
    orMissing('no python3 has the package cryptography; get it with apt-get install python3-cryptography');
    return null;
  }
  copy('python', folder, pinned);
  fs.copyFileSync(path.join(ROOT, 'verifiers/python/avma_verify.py'), path.join(folder, 'avma_verify.py'));
  return runner(program, [path.join(folder, 'gateway.py')]);
}

function go(folder: string, pinned: Pinned): ExampleProgram | null {
  const compiler = findProgram('go', process.env);
  if (compiler === null) {
    orMissing('go is missing; get it with apt-get install golang-go');
    return null;
  }
  copy('go', folder, pinned);
  fs.mkdirSync(path.join(folder, 'avmaverify'));
  fs.copyFileSync(
    path.join(ROOT, 'verifiers/go/avmaverify.go'),
    path.join(folder, 'avmaverify/avmaverify.go'),
  );
  execFileSync(compiler, ['build', '-o', 'gateway', '.'], { cwd: folder, env: GO_ENVIRONMENT });
  return runner(path.join(folder, 'gateway'), []);
}
