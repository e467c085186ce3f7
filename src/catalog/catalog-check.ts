import { WINDOWS_APPLICATION_ID } from '../policy/windows.ts';
import { catalogText, isEnvelope, type LoadedCatalog, parseCatalog } from './catalog-file.ts';
import { type CatalogProblem, catalogProblems, duplicateProblem, nameOfPlace } from './catalog-problem.ts';
import { readPlacedJson, type TextPlace } from './json-places.ts';
import type { LoadedProduct } from './product.ts';

/** One mistake in a catalog, for whoever writes it. */
export interface CatalogMistake {
  /** Where in the text; null in a signed catalog, which nobody edits. */
  readonly place: TextPlace | null;
  /** Which member, `products.0.version`; null where the text is not JSON. */
  readonly member: string | null;
  /** What is wrong, and how it is written. */
  readonly message: string;
}

/** What is to be said of a catalog. */
export interface CatalogCheck {
  /** Null where there are mistakes. */
  readonly catalog: LoadedCatalog | null;
  /** All that keeps it from being read, in the order of the file. */
  readonly mistakes: readonly CatalogMistake[];
  /** What is allowed, and is likely not meant; a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Looks for every mistake in a catalog, signed or not. Pure.
 *
 * @param file - For messages.
 * @throws {AvmaError} `file-invalid` for bytes that are no text, and for a signed file of another kind;
 *   `catalog-invalid-signature`.
 */
export function checkCatalog(bytes: Uint8Array, file: string): CatalogCheck {
  const read = readPlacedJson(catalogText(bytes, file));
  if ('message' in read) {
    return {
      catalog: null,
      mistakes: [{ place: read.place, member: null, message: read.message }],
      notes: [],
    };
  }
  const problems = isEnvelope(read.value)
    ? []
    : [...read.duplicates.map(duplicateProblem), ...catalogProblems(read.value)];
  if (problems.length > 0) {
    const mistakes = problems.map((problem) => mistakeOf(problem, read.placeOf(problem.path)));
    return { catalog: null, mistakes: mistakes.sort(byPlace), notes: [] };
  }
  const catalog = parseCatalog(bytes, file);
  return { catalog, mistakes: [], notes: notesOn(catalog.products) };
}

function mistakeOf(problem: CatalogProblem, place: TextPlace): CatalogMistake {
  return { place, member: nameOfPlace(problem), message: problem.text };
}

function byPlace({ place: a }: CatalogMistake, { place: b }: CatalogMistake): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
}

/** What works, and is likely to surprise. */
function notesOn(products: readonly LoadedProduct[]): string[] {
  return [...products.flatMap(notesOnProduct), ...notesOnNames(products), ...notesOnKeys(products)];
}

function notesOnProduct({ name, applicationId, channel }: LoadedProduct): string[] {
  const notes: string[] = [];
  if (applicationId === WINDOWS_APPLICATION_ID) {
    notes.push(
      `"${name}" has the application ID of Windows: Windows' rules for editions and versions hold for it, and hosts need a certificate for Windows.`,
    );
  }
  if (channel !== 'VT:IA')
    notes.push(`"${name}" is for the channel ${channel}: it can be shown, and no host activates it.`);
  return notes;
}

/** Products that one short name means. */
function notesOnNames(products: readonly LoadedProduct[]): string[] {
  return [...groupedBy(products, ({ edition }) => edition.toLowerCase()).values()]
    .filter((group) => group.length > 1)
    .map(
      (group) =>
        `"${group[0]?.edition}" is the short name of ${group.length} products: where one is named by it, its activation ID is needed.`,
    );
}

/** Products that take each other's place on a guest. */
function notesOnKeys(products: readonly LoadedProduct[]): string[] {
  const main = products.filter(({ isAddon }) => !isAddon);
  return [...groupedBy(main, ({ applicationId }) => applicationId).values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const names = group.map(({ name, version }) => `"${name}" ${version}`).join(', ');
      return `Of ${names} a guest has one at a time: they have one application ID, and the key of one takes the place of another's. A product with "isAddon": true stands beside them.`;
    });
}

function groupedBy<T>(things: readonly T[], keyOf: (thing: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) groups.set(keyOf(thing), [...(groups.get(keyOf(thing)) ?? []), thing]);
  return groups;
}
