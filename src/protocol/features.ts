import { AvmaError } from '../errors/avma-error.ts';
import { FEATURE_NAME_PATTERN } from '../schema/shapes.ts';

/** A feature of a customer license: a name, with a whole number (`throughput`, 10) or without (`vpn`, null). */
export interface Feature {
  readonly name: string;
  readonly value: number | null;
}

/** A feature that a program asks for, with the least number that it needs; null where the name is enough. */
export interface WantedFeature {
  readonly name: string;
  readonly atLeast: number | null;
}

/** The answer for one feature that was asked for. */
export interface FeatureVerdict extends WantedFeature {
  readonly granted: boolean;
  /** The number in the license; null for a feature without one, and for one that is not in it. */
  readonly value: number | null;
  /** Why it is not granted, a sentence without a full stop; null where it is. */
  readonly why: string | null;
}

/** A feature as it is written in arguments and shown to people: `vpn`, `throughput=10`. */
export function featureText({ name, value }: Feature): string {
  return value === null ? name : `${name}=${value}`;
}

/** Features as JSON shows them: each by its name, with its number, or `true` for one without a number. */
export type FeaturesJson = Readonly<Record<string, number | true>>;

/** See {@link FeaturesJson}. */
export function featuresJson(features: readonly Feature[]): FeaturesJson {
  return Object.fromEntries(features.map(({ name, value }) => [name, value ?? true]));
}

/** The largest number of a feature. */
export const MAX_FEATURE_VALUE = 10 ** 12;

/**
 * Whether a license grants the features that are asked for. Pure. A name alone is granted by the name, whatever its
 * number. A number is granted by the same or a higher one: a feature without a number says nothing of an amount, so it
 * grants none.
 */
export function featureVerdicts(
  features: readonly Feature[],
  wanted: readonly WantedFeature[],
): FeatureVerdict[] {
  return wanted.map(({ name, atLeast }) => {
    const feature = features.find((one) => one.name === name);
    const value = feature?.value ?? null;
    const why =
      feature === undefined
        ? `the license has no feature "${name}"`
        : atLeast === null || (value !== null && value >= atLeast)
          ? null
          : `the license has the feature "${name}" ${value === null ? 'without a number' : `with ${value}`}, and at least ${atLeast} is asked for`;
    return { name, atLeast, value, granted: why === null, why };
  });
}

/**
 * A feature as somebody asks for it: `vpn`; `throughput>=10`, or `throughput:10` where a shell would take `>` for a
 * file.
 *
 * @throws {AvmaError} `argument-invalid`, with how it is written.
 */
export function parseWantedFeature(text: string): WantedFeature {
  const [, name = '', amount] = /^([^:<>=\s]*)(?:(?:>=|:)(.*))?$/s.exec(text) ?? [];
  if (FEATURE_NAME_PATTERN.test(name) && amount === undefined) return { name, atLeast: null };
  if (FEATURE_NAME_PATTERN.test(name) && /^\d{1,13}$/.test(amount ?? '')) {
    const atLeast = Number(amount);
    if (atLeast <= MAX_FEATURE_VALUE) return { name, atLeast };
  }
  throw new AvmaError('argument-invalid', `"${text}" does not name a feature`, { hint: hintFor(text) });
}

function hintFor(text: string): string {
  const [, name = '', amount] = /^([a-z][a-z0-9.-]{0,31})\s*(?:=|>|=>|>=)\s*(\d{1,12})$/.exec(text) ?? [];
  if (name !== '')
    return `For "at least ${amount}", write ${name}:${amount}, or "${name}>=${amount}" in quotes.`;
  return (
    'Write a name in lower case, as vpn, or with the least number that is needed, as throughput:10 or ' +
    '"throughput>=10" in quotes.'
  );
}
