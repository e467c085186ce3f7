import { AvmaError } from '../errors/avma-error.ts';
import { printable } from '../schema/printable.ts';
import { decodeXml } from '../xml/decode-xml.ts';
import type { XmlElement } from '../xml/read-xml.ts';
import { type FoundPlace, type FoundPlaces, findPlaces, UNATTEND } from './answer-file-places.ts';
import type { KeyFinding, KeyPlace, SetupOutcome } from './outcome.ts';

/** The longest answer file that is read, in bytes. Large ones, which carry scripts, have some 200 KB. */
export const MAX_ANSWER_FILE_BYTES = 4 * 1024 * 1024;

/** How many places are listed of one file; all are looked at. */
const MAX_LISTED = 50;

/**
 * What a Windows answer file (unattend.xml) says about the product key. Pure, and never throws for a file's content.
 *
 * Windows' rule: `ProductKey` of Microsoft-Windows-Shell-Setup in the pass specialize activates.
 * `UserData/ProductKey/Key` of Microsoft-Windows-Setup in the pass windowsPE chooses the image; its key stands in where
 * nothing stands in the first place. Two different keys in one of these places, for two architectures for example, are
 * a conflict; a key of the second place that differs from that of the first is none.
 */
export function readAnswerFile(bytes: Uint8Array): KeyFinding {
  try {
    return judge(findPlaces(decodeXml(bytes).text));
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return { outcome: 'invalid', why: `the file ${thrown.message}`, where: null, places: [] };
  }
}

function judge({ root, places }: FoundPlaces): KeyFinding {
  const listed = places.slice(0, MAX_LISTED).map(toListed);
  const none = (why: string): KeyFinding => ({ outcome: 'none', why, where: null, places: listed });
  const stranger = whyNoAnswerFile(root);
  if (stranger !== undefined) return none(`the file is no answer file: ${stranger}`);
  const filled = places.filter(({ holds }) => holds !== 'nothing');
  const activation = filled.filter(({ role }) => role === 'activation');
  const image = filled.filter(({ role }) => role === 'image');
  const deciding = activation.length > 0 ? activation : image;
  const [first] = deciding;
  if (first === undefined) return none(whyNone(places));
  const { outcome, why, place } = decide(deciding, first);
  const more = activation.length > 0 ? besideActivation(place, image) : IMAGE_STANDS_IN;
  return {
    outcome,
    why: why + more,
    where: formatPlace(place),
    places: listed,
    ...(outcome === 'key' && place.key !== undefined && { key: place.key }),
  };
}

const IMAGE_STANDS_IN =
  '; the pass windowsPE, where a key chooses the image, counts because the pass specialize has nothing';

function whyNoAnswerFile(root: XmlElement | null): string | undefined {
  if (root?.name !== 'unattend')
    return `the root element is ${printable(root?.name ?? '', 40)}, not unattend`;
  if (root.namespace === UNATTEND || root.namespace === '') return undefined;
  return `the root element is of the namespace ${printable(root.namespace, 80)}, not ${UNATTEND}`;
}

/** The outcome of one place: the places of one role that hold something, at least one. */
function decide(
  places: readonly FoundPlace[],
  first: FoundPlace,
): { outcome: SetupOutcome; why: string; place: FoundPlace } {
  const keyed = places.filter(({ holds }) => holds === 'key');
  const [place] = keyed;
  if (place === undefined) {
    // Malformed first: a placeholder is left on purpose, and a mistake has to be seen.
    const wrong = places.find(({ holds }) => holds === 'malformed') ?? first;
    return {
      outcome: wrong.holds === 'malformed' ? 'malformed' : 'placeholder',
      why: wrong.why,
      place: wrong,
    };
  }
  const other = keyed.find(({ key }) => key !== place.key);
  if (other !== undefined) {
    const both = `one that ends in ${place.partialProductKey} and one that ends in ${other.partialProductKey}`;
    const why = `two different keys stand in the same place, ${both} (line ${other.line})`;
    return { outcome: 'conflict', why, place: other };
  }
  const passedOver = places.find(({ holds }) => holds !== 'key');
  const why =
    passedOver === undefined
      ? place.why
      : `${place.why}; line ${passedOver.line} holds a ${passedOver.holds === 'malformed' ? 'malformed key' : 'placeholder'}, which is passed over`;
  return { outcome: 'key', why, place };
}

/** What is said of the key for choosing the image, where the other one decides. */
function besideActivation(place: FoundPlace, image: readonly FoundPlace[]): string {
  const other = image.find(({ key }) => key !== undefined && key !== place.key);
  return other === undefined
    ? ''
    : `; the key of the pass windowsPE, which ends in ${other.partialProductKey}, only chooses the image`;
}

function whyNone(places: readonly FoundPlace[]): string {
  const empty = places.find(({ role }) => role !== 'ignored');
  if (empty !== undefined) return `the place for a product key is empty (line ${empty.line})`;
  const [ignored] = places;
  const what =
    'neither the pass specialize (Microsoft-Windows-Shell-Setup/ProductKey) nor the pass windowsPE (Microsoft-Windows-Setup/UserData/ProductKey/Key) has a product key';
  return ignored === undefined ? what : `${what}; line ${ignored.line} does not count: ${ignored.why}`;
}

function formatPlace({ line, column, path }: KeyPlace): string {
  return `line ${line}, column ${column}, ${path}`;
}

/** The place without the whole key. */
function toListed({ key: _key, ...place }: FoundPlace): KeyPlace {
  return place;
}
