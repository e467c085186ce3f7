import { AvmaError } from '../errors/avma-error.ts';
import { type ClockReading, withinBounds } from '../machine/clock.ts';
import { findVmId, type VmId } from '../machine/vm-id.ts';
import { readVouchedFileIfAny } from '../storage/vouched-file.ts';
import type { GuestEnvironment } from './environment.ts';
import { type LicenseBasis, licenseBasis } from './license-basis.ts';
import { decodeLicenseFile, licenseFileIn, MAX_LICENSE_BYTES } from './license-file.ts';

/** Where a reader of license.json looks for it and for the machine's ID. */
export type LicensePlace = Pick<GuestEnvironment, 'runFolder' | 'configuredVmId' | 'vmIdSource' | 'root'>;

/**
 * What license.json says, checked: nobody but root or this user can have written it. The licenses themselves are
 * verified by whoever derives reports from it.
 *
 * @param clock - Of now.
 * @returns undefined where there is no such file.
 * @throws {AvmaError} `file-invalid` for a file that is damaged or unsafe; `access-denied`.
 */
export function readMachineLicense(place: LicensePlace, clock: ClockReading): LicenseBasis | undefined {
  const file = licenseFileIn(place.runFolder);
  const bytes = readVouchedFileIfAny(file, MAX_LICENSE_BYTES);
  if (bytes === undefined) return undefined;
  return licenseBasis(decodeLicenseFile(bytes, file), ownVmId(place), withinBounds(clock));
}

/** The VM ID that this user can see; null where there is none. */
function ownVmId({ configuredVmId, vmIdSource, root }: LicensePlace): VmId | null {
  try {
    return findVmId(configuredVmId, root, vmIdSource);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code === 'internal') throw thrown;
    return null;
  }
}
