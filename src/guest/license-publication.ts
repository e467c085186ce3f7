import fs from 'node:fs';
import type { Catalog } from '../catalog/catalog.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import type { ClockReading } from '../machine/clock.ts';
import type { VmId } from '../machine/vm-id.ts';
import { replacePublicFile } from '../storage/atomic-file.ts';
import { readPlainFileIfAny } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';
import type { GuestState } from './guest-state.ts';
import { composeLicense } from './license-content.ts';
import { encodeLicenseFile, type LicenseFile, licenseFileIn, MAX_LICENSE_BYTES } from './license-file.ts';
import { type DerivedReport, deriveReport, type ReportBasis } from './product-report.ts';
import type { GuestTrust } from './trust/guest-trust.ts';

/** What writing license.json reaches of the machine; everything is read at the time of writing. */
export interface PublicationEnvironment {
  readonly vmId: VmId;
  readonly runFolder: string;
  clock(): ClockReading;
  catalog(): Catalog;
  trust(): GuestTrust;
}

/** What license.json is made from besides the reports. */
type PublishedBasis = ReportBasis & { readonly trust: GuestTrust };

/** Keeps license.json up to date with the state. */
export interface LicensePublication {
  /**
   * Writes license.json for a state. Called while the state is locked, so that the last writer of the state is the
   * last writer of this file too. A file that cannot be written is removed instead, so that it says nothing that no
   * longer holds. Throws nothing.
   */
  publish(state: GuestState): void;
  /** Gives the reports of a state that is about to be stored, so that they are not derived again. */
  remember(state: GuestState, reports: readonly DerivedReport[]): void;
  /**
   * Whether license.json says something else than these reports. Where there is neither file nor key it is outdated
   * only for who wants it `evenWithoutKeys`.
   */
  isOutdated(basis: PublishedBasis, reports: readonly DerivedReport[], evenWithoutKeys: boolean): boolean;
  /** Why license.json could not be written last time; null when it could. */
  readonly problem: string | null;
}

/** The writer of license.json in a run folder. */
export function licensePublication(environment: PublicationEnvironment): LicensePublication {
  const file = licenseFileIn(environment.runFolder);
  let problem: string | null = null;
  const { vmId } = environment;
  const derived = new WeakMap<GuestState, readonly DerivedReport[]>();
  return {
    publish(state) {
      try {
        const basis = { state, clock: environment.clock(), vmId: vmId.value, trust: environment.trust() };
        const reports =
          derived.get(state) ?? environment.catalog().products.map((product) => deriveReport(product, basis));
        replacePublicFile(file, encodeLicenseFile(composeLicense({ ...basis, vmId, reports })));
        problem = null;
      } catch (thrown) {
        const error = toAvmaError(thrown, `cannot write ${file}`);
        if (error.code === 'internal') throw error;
        problem = `other users and programs do not see this license: ${error.message}`;
        debug('state', () => `license.json is not written: ${error.message}`);
        removeOutdated(file);
      }
    },
    remember: (state, reports) => void derived.set(state, reports),
    isOutdated(basis, reports, evenWithoutKeys) {
      const published = readPublished(file);
      const now = composeLicense({ ...basis, vmId, reports });
      if (published === undefined) return evenWithoutKeys || now.products.length > 0;
      return published !== encodeLicenseFile(writtenAt(now, published));
    },
    get problem() {
      return problem;
    },
  };
}

/** The text of the file; empty for what is no plain file, undefined where there is none or it cannot be read. */
function readPublished(file: string): string | undefined {
  try {
    return readPlainFileIfAny(file, MAX_LICENSE_BYTES)?.toString('utf8');
  } catch (thrown) {
    const { code, message } = toAvmaError(thrown, `cannot read ${file}`);
    debug('state', () => message);
    return code === 'file-invalid' ? '' : undefined;
  }
}

/** With the time at which the published one was written: that alone makes no difference. */
function writtenAt(license: LicenseFile, published: string): LicenseFile {
  const time = /"writtenAt": "([^"]*)"/.exec(published)?.[1];
  return time === undefined ? license : { ...license, writtenAt: time };
}

function removeOutdated(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch (thrown) {
    // Who may not write the folder may not remove the file either; the problem is already kept.
    if (errnoOf(thrown) === undefined) throw thrown;
  }
}
