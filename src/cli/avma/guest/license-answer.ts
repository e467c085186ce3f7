import { type AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { CODES } from '../../../errors/codes.ts';
import { formatHresult } from '../../../errors/hresult.ts';
import { hostOf } from '../../../guest/lease-verdict.ts';
import { deriveReports } from '../../../guest/license-basis.ts';
import { checkLicense, type LicenseCheck } from '../../../guest/license-check.ts';
import { licenseFileIn } from '../../../guest/license-file.ts';
import { readMachineLicense } from '../../../guest/license-reading.ts';
import { licenseStateName } from '../../../guest/license-report.ts';
import { licenseNotes, licenseTerms } from '../../../guest/license-terms.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { readClock } from '../../../machine/clock.ts';
import { featureText, parseWantedFeature, type WantedFeature } from '../../../protocol/features.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';
import { printable } from '../../../schema/printable.ts';
import type { Launcher } from '../../launcher.ts';
import { readSettings, type Settings } from '../../settings.ts';
import { whoseLicense } from '../../whose-license.ts';
import { say, writeData, writeJson } from '../output.ts';

/** Exit status of a question that cannot be answered: sysexits' EX_UNAVAILABLE. */
export const CANNOT_TELL = 69;

/** The exit status of each verdict. */
const EXIT_STATUS: Record<LicenseCheck['verdict'], number> = {
  licensed: 0,
  'not-licensed': 1,
  unknown: CANNOT_TELL,
};

/** What a program gets that asks whether a product is licensed. */
interface LicenseAnswer extends LicenseCheck {
  /** What to do now; null for a license. */
  readonly hint: string | null;
  /** The file that the answer was derived from; null where none could be read. */
  readonly from: string | null;
}

/** What is asked besides whether the product is licensed, and how the answer is printed. */
interface QuestionOptions {
  readonly json: boolean;
  /** As they were typed. */
  readonly features: readonly string[];
}

/**
 * Answers `avma guest check` and prints the answer. No pipe is opened, and nothing is written.
 *
 * @param wanted - An activation ID, an edition, or the last five characters of a key.
 * @returns The exit status: 0 licensed, 1 not licensed, 69 where that cannot be told.
 * @throws {AvmaError} `argument-invalid` for a feature that is none, `internal`.
 */
export async function answerLicenseQuestion(
  launcher: Launcher,
  wanted: string,
  { json, features }: QuestionOptions,
): Promise<number> {
  const answer = await findAnswer(launcher, wanted, features.map(parseWantedFeature));
  if (json) writeJson('avma.guest-check/1', answerJson(answer));
  else {
    writeData(answerText(answer));
    if (answer.hint !== null) say(answer.hint);
  }
  return EXIT_STATUS[answer.verdict];
}

async function findAnswer(
  launcher: Launcher,
  wanted: string,
  features: readonly WantedFeature[],
): Promise<LicenseAnswer> {
  try {
    const settings = readSettings(launcher.packageRoot);
    const { reports, from } = await readReports(launcher, settings);
    const check = checkLicense(reports, wanted, features);
    return { ...check, hint: check.verdict === 'licensed' ? null : hintFor(check), from };
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot read the license');
    const { code, message, hint } = error;
    if (code === 'internal') throw error;
    return { verdict: 'unknown', reason: { code, message }, product: null, features: [], hint, from: null };
  }
}

/** The reports of all products that have a key here, and the file that they were derived from. */
async function readReports(
  launcher: Launcher,
  settings: Settings,
): Promise<{ reports: readonly DerivedReport[]; from: string }> {
  const isOrdinary = whoseLicense(settings) !== 'own';
  const runFolder = isOrdinary ? settings.machineRunFolder : settings.runFolder;
  const { vmId: configuredVmId, vmIdSource } = settings;
  const place = { runFolder, configuredVmId, vmIdSource, root: '/' };
  let unusable: AvmaError | undefined;
  try {
    const license = readMachineLicense(place, readClock());
    if (license !== undefined) return { reports: deriveReports(license), from: licenseFileIn(runFolder) };
  } catch (thrown) {
    // Whoever has the state needs no license.json, whatever is wrong with it.
    if (isOrdinary) throw thrown;
    unusable = toAvmaError(thrown, 'cannot read the license');
    if (unusable.code === 'internal') throw unusable;
  }
  const { hasState, reportsOfState, noLicenseFile } = await import('./license-answer-state.ts');
  if (isOrdinary) throw noLicenseFile(licenseFileIn(runFolder));
  // root of a container with user IDs of its own: the machine's file is there and seems to be somebody else's.
  if (unusable !== undefined && !hasState(settings)) throw unusable;
  return reportsOfState(launcher, settings);
}

function hintFor({ verdict, reason }: LicenseCheck): string {
  if (verdict === 'unknown') return 'Name the product by its activation ID.';
  if (reason?.code === 'key-not-installed') return 'As root: install its key, avma guest install-key KEY.';
  if (reason?.code === 'feature-missing') return CODES['feature-missing'].hint;
  return 'As root: avma guest status says more, and avma guest activate activates this machine.';
}

function answerText({ verdict, reason, product, features }: LicenseAnswer): string {
  if (verdict !== 'licensed' || product === null) return `${verdict}: ${printable(reason?.message ?? '')}`;
  const until = product.endsAt === null ? '' : ` until ${formatMinute(product.endsAt)}`;
  const notes = licenseNotes(product).map((note) => `; ${note}`);
  const granted = features.map(featureText);
  return `licensed: "${product.product.name}"${until}${granted.length === 0 ? '' : `, with ${granted.join(', ')}`}${notes.join('')}`;
}

function answerJson({ verdict, reason, hint, product, features, from }: LicenseAnswer): object {
  return {
    verdict,
    reason: reason === null ? null : { ...reason, hint },
    product: product === null ? null : productJson(product),
    features: features.map(({ name, atLeast, granted, value }) => ({ name, atLeast, granted, value })),
    from,
  };
}

function productJson(derived: DerivedReport): object {
  const { product, report, endsAt, time, verdict } = derived;
  const { status, reason } = report.license;
  return {
    activationId: product.activationId,
    name: product.name,
    edition: product.edition,
    version: product.version,
    partialProductKey: report.partialProductKey,
    state: licenseStateName(status),
    status,
    reason: reason === 0 ? null : formatHresult(reason),
    endsAt: isoInstantOrNull(endsAt),
    trustedTime: isoInstant(time.now),
    host: hostOf(verdict),
    ...licenseTerms(derived),
    notes: licenseNotes(derived),
  };
}
