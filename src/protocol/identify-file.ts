import { parseStrictJson } from '../schema/strict-json.ts';
import { CosignedEnvelope, DocumentEnvelope, Envelope, parseJsonText } from './envelope.ts';

/**
 * What a file of ours can be. Those up to `answer` are signed envelopes, `catalog` signed or not. `host-keys`,
 * `site-key`, `root-key` and `private-key` are secret: nothing of what they hold is shown.
 */
export type FileKind =
  | 'host-request'
  | 'host-certificate'
  | 'license'
  | 'revocations'
  | 'trust-update'
  | 'catalog'
  | 'answer'
  | 'usage-report'
  | 'trust-anchor'
  | 'evidence'
  | 'signed-lease'
  | 'license-file'
  | 'setup'
  | 'host'
  | 'host-keys'
  | 'site-key'
  | 'root-key'
  | 'private-key'
  | 'guest-state'
  | 'ledger'
  | 'vendor-log'
  | 'events'
  | 'output'
  | 'unknown';

/** What a file is, before anything in it is believed. */
export interface IdentifiedFile {
  readonly kind: FileKind;
  /** The envelope of a signed file that is whole; no signature is checked here. */
  readonly envelope: CosignedEnvelope | null;
  /** The JSON of a file that is JSON; undefined otherwise. */
  readonly json: unknown;
  /** Why the file cannot be read as what it is meant to be, as a sentence without a subject; null where it can. */
  readonly damage: string | null;
}

/** The kinds by the name in a payload type, `application/vnd.avma.NAME.v1+json`, and the envelope of each. */
const SIGNED = {
  'host-request': Envelope,
  'host-certificate': Envelope,
  license: DocumentEnvelope,
  revocations: DocumentEnvelope,
  'trust-update': CosignedEnvelope,
  catalog: DocumentEnvelope,
  answer: Envelope,
} as const;

/** The kinds by the name in the member `schema`, `avma.NAME/1`. */
const BY_SCHEMA: Readonly<Record<string, FileKind>> = {
  catalog: 'catalog',
  'usage-report': 'usage-report',
  'trust-anchor': 'trust-anchor',
  license: 'license-file',
  setup: 'setup',
  host: 'host',
  'host-keys': 'host-keys',
  'site-key': 'site-key',
  'root-key': 'root-key',
};

/** How much of a file is looked at where it is no JSON, in characters. */
const HEAD_LENGTH = 4096;

const PAYLOAD_TYPE = /^application\/vnd\.avma\.([a-z-]+)\.v(\d+)\+json$/;
const SCHEMA = /^avma\.([a-z-]+)\/(\d+)$/;

/**
 * What a file is, by its content alone: its name proves nothing. Pure; throws nothing.
 *
 * @param bytes - The whole file.
 */
export function identifyFile(bytes: Uint8Array): IdentifiedFile {
  const text = textOf(bytes);
  const file = identifyContent(text);
  // Whatever else it is: what holds a key is not shown.
  return file.kind === 'unknown' && text.includes('PRIVATE KEY-----') ? plain('private-key') : file;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

function identifyContent(text: string): IdentifiedFile {
  const head = text.slice(0, HEAD_LENGTH);
  if (/^\s*-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(head)) return plain('private-key');
  if (head.startsWith('avma-state/')) return plain('guest-state');
  const json = parseStrictJson(text);
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return identifyObject(json as Loose);
  if (json !== undefined) return { ...plain('unknown'), json };
  return identifyText(text, head);
}

type Loose = Readonly<Record<string, unknown>>;

function plain(kind: FileKind, damage: string | null = null): IdentifiedFile {
  return { kind, envelope: null, json: undefined, damage };
}

function identifyObject(json: Loose): IdentifiedFile {
  if (typeof json['payloadType'] === 'string' && json['statement'] === undefined) {
    return identifyEnvelope(json, json['payloadType']);
  }
  const schema = SCHEMA.exec(String(json['schema']));
  if (schema !== null) return { ...bySchema(schema[1] ?? '', schema[2] ?? ''), json };
  if (isEnvelopeLike(json['certificate']) && isEnvelopeLike(json['answer'])) {
    return { ...plain(json['license'] === undefined ? 'signed-lease' : 'evidence'), json };
  }
  return { ...plain(lineKind(json) ?? 'unknown'), json };
}

function isEnvelopeLike(value: unknown): boolean {
  return typeof (value as Loose | null | undefined)?.['payloadType'] === 'string';
}

function identifyEnvelope(json: Loose, payloadType: string): IdentifiedFile {
  const type = PAYLOAD_TYPE.exec(payloadType);
  const kind = type?.[1] ?? '';
  if (!Object.hasOwn(SIGNED, kind)) return { ...plain('unknown'), json };
  const signed = kind as keyof typeof SIGNED;
  if (type?.[2] !== '1') return { ...plain(signed, newer(type?.[2] ?? '')), json };
  const envelope = SIGNED[signed].safeParse(json);
  if (envelope.success) return { kind: signed, envelope: envelope.data, json, damage: null };
  return {
    ...plain(signed, 'is no whole signed file: a member is missing, too long, or not as it must be'),
    json,
  };
}

function bySchema(name: string, version: string): IdentifiedFile {
  const kind = Object.hasOwn(BY_SCHEMA, name) ? (BY_SCHEMA[name] as FileKind) : 'output';
  // license.json has had other versions, which its own reader knows.
  const isKnown = version === '1' || kind === 'license-file' || kind === 'output';
  return plain(kind, isKnown ? null : newer(version));
}

function newer(version: string): string {
  return `has version ${version} of its format, which this avma does not know`;
}

/** JSON Lines, YAML, and JSON that was cut or is wrong. */
function identifyText(text: string, head: string): IdentifiedFile {
  if (/^schema:\s*["']?avma\.setup\/\d/m.test(head)) return plain('setup');
  const end = text.indexOf('\n');
  const first = end === -1 ? undefined : parseJsonText(text.slice(0, end));
  const ofLines = lineKind(first);
  if (ofLines !== undefined) return plain(ofLines);
  if (!/^\s*\{/.test(head)) return plain('unknown');
  const damage = 'is damaged: its JSON is cut or wrong, or has a member twice';
  // A file with a schema may hold envelopes, and the other way round the payload is not readable.
  const schema = SCHEMA.exec(/"schema"\s*:\s*"([^"]{1,100})"/.exec(head)?.[1] ?? '');
  if (schema !== null) return plain(bySchema(schema[1] ?? '', '1').kind, damage);
  const type = PAYLOAD_TYPE.exec(/"payloadType"\s*:\s*"([^"]{1,100})"/.exec(head)?.[1] ?? '')?.[1] ?? '';
  return Object.hasOwn(SIGNED, type) ? plain(type as FileKind, damage) : plain('unknown');
}

/** What is written line by line, by the members of one line. */
function lineKind(line: unknown): FileKind | undefined {
  const has = (...members: string[]) =>
    typeof line === 'object' && line !== null && members.every((member) => Object.hasOwn(line, member));
  if (has('previous', 'requestDigest') || has('previous', 'mark')) return 'ledger';
  if (has('previous', 'payloadType', 'statement')) return 'vendor-log';
  if (has('eventId', 'provider')) return 'events';
  return undefined;
}
