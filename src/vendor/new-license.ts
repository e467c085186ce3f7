import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import { CustomerLicense, MAX_FEATURES, type OVERAGES } from '../protocol/customer-license.ts';
import { type Feature, MAX_FEATURE_VALUE } from '../protocol/features.ts';
import type { VendorIdentity } from '../protocol/vendor-identity.ts';
import { printable } from '../schema/printable.ts';
import { customerName, featureName, hardwareId, siteId } from '../schema/shapes.ts';
import type { Validity } from '../schema/validity.ts';

/** The most hosts and sites that a license names; as its schema has it. */
const MAX_HOSTS = 1000;
const MAX_SITES = 100;

/** What a vendor grants a customer. */
export interface LicenseGrant {
  readonly customer: string;
  readonly product: { readonly activationId: string; readonly name: string };
  /** Hardware IDs; none: all hosts of the customer. */
  readonly hosts: readonly string[];
  readonly sites: readonly string[];
  /** As they are written in arguments: `vpn`, `throughput=10`. */
  readonly features: readonly string[];
  readonly guests: number | null;
  readonly overage: (typeof OVERAGES)[number];
  readonly validity: Validity;
}

/**
 * The license that says so, with an ID of its own.
 *
 * @throws {AvmaError} `argument-invalid`, with the option, for what no license can hold.
 */
export function newLicense(grant: LicenseGrant, vendor: VendorIdentity, now: number): CustomerLicense {
  return CustomerLicense().parse({
    licenseId: randomBytes(8).toString('hex'),
    vendor,
    customer: parseCustomer(grant.customer),
    product: { activationId: grant.product.activationId, name: grant.product.name },
    hosts: listOf('--host', grant.hosts.map(parseHardwareId), MAX_HOSTS),
    sites: listOf('--site', grant.sites.map(parseSite), MAX_SITES),
    features: parseFeatures(grant.features),
    guests: grant.guests,
    overage: grant.overage,
    ...grant.validity,
    issuedAt: now,
  } satisfies CustomerLicense);
}

/**
 * A customer's name, in one spelling: licenses and certificates are compared by it. @throws {AvmaError}
 * `argument-invalid`.
 */
export function parseCustomer(text: string): string {
  const name = text.trim().normalize('NFC');
  if (customerName.safeParse(name).success) return name;
  throw wrong(
    '--customer',
    text,
    'a name of 1 to 63 printable characters and at most 96 bytes',
    '"Bank Ltd"',
  );
}

/** A site's ID. @throws {AvmaError} `argument-invalid`. */
export function parseSite(text: string): string {
  const site = text.trim().normalize('NFC');
  if (siteId.safeParse(site).success) return site;
  throw wrong('--site', text, 'a word of 1 to 32 printable characters and at most 48 bytes', 'berlin-2');
}

function parseHardwareId(text: string): string {
  const id = text.trim().toUpperCase();
  if (hardwareId.safeParse(id).success) return id;
  throw wrong(
    '--host',
    text,
    'a hardware ID, four groups of four hex digits as avma host status shows it',
    '00B1-ABB9-10AB-5AF3',
  );
}

function parseFeatures(texts: readonly string[]): Feature[] {
  if (texts.length > MAX_FEATURES) {
    throw new AvmaError(
      'argument-invalid',
      `${texts.length} features were given, and a license has at most 256`,
      {
        hint: 'Grant fewer, or put several into one that your program knows.',
      },
    );
  }
  const features = texts.map(parseFeature);
  listOf(
    '--feature',
    features.map(({ name }) => name),
    MAX_FEATURES,
  );
  return features;
}

function parseFeature(text: string): Feature {
  const [, name = '', amount] = /^([^=]*)(?:=(.*))?$/s.exec(text.trim()) ?? [];
  const value = amount === undefined ? null : /^\d{1,13}$/.test(amount) ? Number(amount) : Number.NaN;
  const isAmount = value === null || value <= MAX_FEATURE_VALUE;
  if (featureName.safeParse(name).success && isAmount) return { name, value };
  throw wrong(
    '--feature',
    text,
    'a name of lower-case letters, digits, dots and hyphens, which a whole number may follow',
    'vpn or --feature throughput=10',
  );
}

function listOf(option: string, values: string[], most: number): string[] {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) {
    throw new AvmaError('argument-invalid', `${option} ${printable(twice)} is given twice`, {
      hint: 'Give it once.',
    });
  }
  if (values.length <= most) return values;
  throw new AvmaError(
    'argument-invalid',
    `${option} is given ${values.length} times, and ${most} are the most`,
    {
      hint: 'Give it fewer times: without any, the license is for all.',
    },
  );
}

function wrong(option: string, text: string, how: string, example: string): AvmaError {
  return new AvmaError('argument-invalid', `${option} is "${printable(text, 80)}"`, {
    hint: `${option} must be ${how}, for example ${option} ${example}.`,
  });
}
