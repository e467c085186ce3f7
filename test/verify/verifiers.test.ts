/** The verifiers in TypeScript (as it is packed), Python and Go: the same answers to the same questions. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../../src/system/find-program.ts';
import type { VerifyLicense, VerifyResult } from '../../src/verify/api.ts';
import { verifyLicense } from '../../src/verify/verify-license.ts';
import { MORE_EVIDENCE_VECTORS } from '../vectors/evidence-list.ts';
import { makeEvidence, makeKeys, makeOptions } from '../vectors/evidence-scene.ts';
import { readEvidenceVectors } from '../vectors/evidence-vector.ts';
import { mutatedQuestions } from './mutations.ts';
import { type AskedEvidence, GO_ENVIRONMENT, goPort, type Port, pythonPort } from './ports.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-verify-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function inProcess(verify: VerifyLicense): Port {
  return { ask: (questions) => questions.map(({ evidence, options }) => verify(evidence, options)) };
}

let verifiers: Readonly<Record<string, Port>> = {};
beforeAll(async () => {
  // By the name that a program uses: through the exports of package.json.
  const packed: { verifyLicense: VerifyLicense } = await import('avma/verify' as string);
  const required = createRequire(import.meta.url)('avma/verify') as typeof packed;
  verifiers = {
    'ES module': inProcess(packed.verifyLicense),
    CommonJS: inProcess(required.verifyLicense),
    Python: pythonPort(),
    Go: goPort(folder),
  };
});

interface Row {
  readonly reason: string;
  readonly questions: readonly AskedEvidence[];
  readonly answers: readonly VerifyResult[];
}

function vectorRows(): Row[] {
  return readEvidenceVectors().map(({ expect: reason, vectors }) => ({
    reason,
    questions: vectors,
    answers: vectors.map(({ claims }) => expectedAnswer(reason, claims)),
  }));
}

function expectedAnswer(reason: string, claims: VerifyResult['claims']): VerifyResult {
  const answer = { valid: reason === 'ok', reason: reason === 'ok' ? null : reason, claims };
  return answer as VerifyResult;
}

test('every verifier comes to what every vector says', () => {
  const rows = vectorRows();
  const names = Object.keys(verifiers);
  const table = [['reason', 'vectors', ...names]];
  const wrong: string[] = [];
  const given = names.map((name) => {
    const port = verifiers[name] as Port;
    return 'missing' in port ? null : port.ask(rows.flatMap(({ questions }) => questions));
  });
  let from = 0;
  for (const { reason, answers } of rows) {
    const passed = given.map((all, at) => {
      if (all === null) return '-';
      const right = answers.filter((answer, row) => isEqual(all[from + row], answer)).length;
      if (right < answers.length) wrong.push(`${names[at]}: ${reason}`);
      return String(right);
    });
    table.push([reason, String(answers.length), ...passed]);
    from += answers.length;
  }
  process.stdout.write(
    `\nVectors, and how many of them each verifier answers rightly:\n\n${formatTable(table)}\n`,
  );
  expect(wrong).toEqual([]);
});

function isEqual(one: VerifyResult | undefined, other: VerifyResult): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/** With the members of all objects in one order, which differs by language. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** Where the answers of two verifiers differ, with the question. */
function differences(questions: readonly AskedEvidence[]): string[] {
  const truth = questions.map(({ evidence, options }) => verifyLicense(evidence, options));
  return Object.entries(verifiers).flatMap(([name, port]) => {
    if ('missing' in port) return [];
    return port.ask(questions).flatMap((answer, at) => {
      const expected = truth[at] as VerifyResult;
      if (isEqual(answer, expected) && expected.reason !== 'internal') return [];
      const question = JSON.stringify(questions[at]).slice(0, 4000);
      return [`${name} says ${answer.reason}, and TypeScript ${expected.reason}: ${question}`];
    });
  });
}

test('Python takes options of wrong types for wrong, too', ({ skip }) => {
  const python = verifiers['Python'] as Port;
  if ('missing' in python) return skip();
  const [good] = readEvidenceVectors().find((file) => file.expect === 'ok')?.vectors ?? [];
  const wrong: Record<string, readonly unknown[]> = {
    roots: ['x', 5, null, [5], [null], [[]]],
    vmId: [5, null, []],
    product: [5, null],
    now: ['2026-06-01', true, 1.5, null, { ms: good?.options.now, zone: false }],
    features: ['vpn', [5], null],
    trustUpdates: ['x', {}],
    revocations: ['x', {}],
    nonce: [5, ''],
    requireLicense: ['no', 0, null],
  };
  const questions = Object.entries(wrong).flatMap(([name, values]) =>
    values.map((value) => ({
      evidence: good?.evidence,
      options: { ...good?.options, [name]: value } as unknown as AskedEvidence['options'],
    })),
  );
  expect(new Set(python.ask(questions).map(({ reason }) => reason))).toEqual(new Set(['options-invalid']));
  const inUtc = { ms: good?.options.now, zone: true } as unknown as number;
  const [answer] = python.ask([
    { evidence: good?.evidence, options: { ...good?.options, now: inUtc } as never },
  ]);
  expect(answer?.reason).toBeNull();
});

test('vectors that are in no file', () => {
  const keys = makeKeys();
  for (const [reason, vectors] of Object.entries(MORE_EVIDENCE_VECTORS)) {
    const questions = vectors.map((difference) => ({
      evidence: makeEvidence(keys, difference),
      options: makeOptions(keys, difference),
    }));
    for (const { evidence, options } of questions) {
      expect(verifyLicense(evidence, options).reason ?? 'ok').toBe(reason);
    }
    expect(differences(questions)).toEqual([]);
  }
});

/** How many mutated questions are asked: AVMA_TEST_RUNS says otherwise. */
const MUTATIONS = Number(process.env.AVMA_TEST_RUNS ?? 300) * 3;

test('all verifiers answer alike whatever is changed, with the signatures renewed', () => {
  const seed = Number(process.env.AVMA_TEST_SEED ?? Date.now() % 2 ** 31);
  const questions = mutatedQuestions(makeKeys(), seed, MUTATIONS);
  expect(differences(questions).slice(0, 5), `AVMA_TEST_SEED=${seed}`).toEqual([]);
  // A mutation that always ends at the same step would find nothing.
  const reasons = new Set(questions.map(({ evidence, options }) => verifyLicense(evidence, options).reason));
  expect(reasons.size).toBeGreaterThan(10);
});

const go = findProgram('go', process.env);
test.skipIf(go === null)('the Go verifier is formatted, and go vet finds nothing in it', () => {
  const cwd = path.join(ROOT, 'verifiers/go');
  expect(execFileSync('gofmt', ['-l', '.'], { cwd, encoding: 'utf8' })).toBe('');
  execFileSync(go as string, ['vet', './...'], { cwd, env: GO_ENVIRONMENT });
});

const DECLARATIONS_USED = `
import { type Claims, type VerifyResult, verifyLicense } from 'avma/verify';
const result: VerifyResult = verifyLicense({}, { roots: ['x'], vmId: 'x', product: 'x', now: new Date() });
if (result.valid) {
  const claims: Claims = result.claims;
  const customer: string | undefined = claims.license?.customer;
  console.log(customer);
} else if (result.reason === 'feature-missing') {
  console.log(result.claims?.license?.features.find(({ name }) => name === 'vpn')?.value ?? 0);
}
// @ts-expect-error: an option that nobody knows
verifyLicense({}, { roots: [], vmId: '', product: '', now: 0, requireLicence: false });
// @ts-expect-error: a reason that nobody gives
console.log(!result.valid && result.reason === 'because');
`;

test.each(['uses.mts', 'uses.cts'])('the declarations are enough for %s, without zod', (name) => {
  // As npm installs the package into a program's folder, without what is not packed.
  const installed = path.join(folder, 'node_modules/avma');
  fs.mkdirSync(installed, { recursive: true });
  fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(installed, 'package.json'));
  fs.cpSync(path.join(ROOT, 'dist'), path.join(installed, 'dist'), {
    recursive: true,
    filter: (file) => fs.statSync(file).isDirectory() || path.basename(file).startsWith('verify.'),
  });
  fs.writeFileSync(path.join(folder, name), DECLARATIONS_USED);
  const compilerOptions = {
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
    lib: ['es2022'],
  };
  const project = path.join(folder, `${name}.json`);
  fs.writeFileSync(project, JSON.stringify({ compilerOptions, files: [name, 'console.d.ts'] }));
  fs.writeFileSync(
    path.join(folder, 'console.d.ts'),
    'declare const console: { log(thing: unknown): void };',
  );
  const tsc = path.join(ROOT, 'node_modules/.bin/tsc');
  try {
    execFileSync(tsc, ['-p', project], { encoding: 'utf8' });
  } catch (failed) {
    expect((failed as { stdout: string }).stdout).toBe('');
  }
  const declarations = fs.readFileSync(path.join(installed, 'dist/verify.d.ts'), 'utf8');
  expect(declarations).not.toMatch(/^import|zod/m);
});

test('the bundle reaches for nothing but node:crypto, and makes no code at run time', () => {
  for (const name of ['verify.mjs', 'verify.cjs']) {
    const text = fs.readFileSync(path.join(ROOT, 'dist', name), 'utf8');
    const imported = [...text.matchAll(/(?:from |require\()"([^"]+)"/g)].map(([, module]) => module);
    expect(new Set(imported)).toEqual(new Set(['node:crypto']));
    expect(text).not.toMatch(/\b(fetch|process|globalThis)\b\s*[.(]/);
  }
  const use = `import { verifyLicense } from 'avma/verify';
    console.log(verifyLicense({}, { roots: [], vmId: '', product: '', now: 0 }).reason, Object.keys(globalThis).filter((name) => /zod/.test(name)).length)`;
  const args = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', use];
  expect(execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })).toBe('options-invalid 0\n');
});
