/** A vendor's program, in each language, says yes with the features of the license, or no with the reason. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import {
  DAY,
  type EvidenceDifference,
  entryOf,
  HOUR,
  makeEvidence,
  makeKeys,
  PRODUCT,
  publicKeyOf,
  revocations,
  SERIAL,
  trustUpdate,
  VM,
} from '../vectors/evidence-scene.ts';
import { type ExampleProgram, examplePrograms } from './example-programs.ts';

const keys = makeKeys();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-programs-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const vmIdFile = path.join(folder, 'product_uuid');
let programs: Record<string, ExampleProgram | null> = {};
beforeAll(async () => {
  programs = await examplePrograms(folder, { root: publicKeyOf(keys, 'root'), product: PRODUCT, vmIdFile });
});

/** Evidence of an answer of this moment, by the program's clock. */
function evidenceNow(difference: Partial<EvidenceDifference> = {}): unknown {
  const now = Date.now();
  const dates = { notBefore: now - DAY, notAfter: now + 365 * DAY, graceUntil: now + 379 * DAY };
  return makeEvidence(keys, {
    name: '',
    ...difference,
    certificate: { ...dates, ...difference.certificate },
    license: { ...dates, ...difference.license },
    answer: { issuedAt: now, renewAfter: now + HOUR, expiresAt: now + 2 * HOUR, ...difference.answer },
  });
}

/** A run folder with a license.json, as far as the programs read it. */
function runFolder(evidence: unknown, vendor: Record<string, unknown> = {}): NodeJS.ProcessEnv {
  const run = tempFolder();
  const license = {
    vmId: { value: VM },
    vendors: [{ trustUpdates: [], revocations: null, ...vendor }],
    products: [{ activationId: PRODUCT, evidence }],
  };
  fs.writeFileSync(path.join(run, 'license.json'), JSON.stringify(license));
  return { AVMA_RUN_DIR: run };
}

describe.each(['TypeScript', 'Python', 'Go'])('in %s', (language) => {
  const says = (args: readonly string[], env: NodeJS.ProcessEnv) => {
    const program = programs[language];
    return program === null ? null : program?.run(args, env);
  };
  const testHere = (name: string, run: () => void) =>
    test(name, ({ skip }) => (programs[language] === null ? skip() : run()));

  testHere('yes, with the features', () => {
    const day = new Date(Date.now() + 365 * DAY).toISOString().slice(0, 10);
    expect(says(['vpn', 'throughput>=10'], runFolder(evidenceNow()))).toBe(
      `yes: licensed to Bank Ltd until ${day}, with throughput=10, vpn\n`,
    );
  });

  testHere('yes, and a note that the license has ended', () => {
    const ended = { notAfter: Date.now() - HOUR };
    const evidence = evidenceNow({ license: ended, answer: { conditions: ['license-in-grace'] } });
    expect(says([], runFolder(evidence))).toContain('\nnote: license-in-grace\n');
  });

  testHere('no, without a feature', () => {
    expect(says(['cluster'], runFolder(evidenceNow()))).toBe('no: feature-missing\n');
  });

  testHere("no, for the administrator's own host", () => {
    const evidence = evidenceNow({ certificateSigner: 'stranger', licenseSigner: 'stranger' });
    expect(says([], runFolder(evidence))).toBe('no: certificate-untrusted\n');
  });

  testHere('no, for a product that is not activated, and without license.json', () => {
    expect(says([], runFolder(null))).toBe('no: not activated\n');
    expect(says([], { AVMA_RUN_DIR: tempFolder() })).toMatch(/^no: no evidence: /);
  });

  testHere('no, on a machine with another ID', () => {
    fs.writeFileSync(vmIdFile, '99999999-2222-4333-8444-555555555555\n');
    try {
      expect(says([], runFolder(evidenceNow()))).toBe('no: vm-mismatch\n');
    } finally {
      fs.rmSync(vmIdFile);
    }
  });

  testHere('no, when the vendor has revoked the host', () => {
    const list = revocations(keys, { hosts: [entryOf('host serial', SERIAL)] });
    expect(says([], runFolder(evidenceNow(), { revocations: list }))).toBe('no: host-revoked\n');
  });

  testHere('yes, after the root was rotated', () => {
    const evidence = evidenceNow({ certificateSigner: 'next', licenseSigner: 'next' });
    expect(says([], runFolder(evidence))).toBe('no: certificate-untrusted\n');
    expect(says([], runFolder(evidence, { trustUpdates: [trustUpdate(keys)] }))).toMatch(/^yes: /);
  });
});
