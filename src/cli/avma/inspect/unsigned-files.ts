import * as z from 'zod/mini';
import { AvmaError } from '../../../errors/avma-error.ts';
import { decodeState } from '../../../guest/guest-state.ts';
import { decodeLicenseFile } from '../../../guest/license-file.ts';
import { importPrivateKey } from '../../../protocol/curve-keys.ts';
import { keyId } from '../../../protocol/envelope.ts';
import type { FileKind } from '../../../protocol/identify-file.ts';
import { parseTrustAnchor, TrustAnchorFile } from '../../../protocol/trust-anchor.ts';
import { formatMinute, isoInstant } from '../../../schema/format-time.ts';
import { hardwareId, instant, shortLabel } from '../../../schema/shapes.ts';
import { readSetupFile } from '../../../setup/setup-file.ts';
import { SealedRootKey } from '../../../vendor/root-key.ts';
import type { Field } from '../table.ts';
import { type Inspection, type InspectionContext, inspection, signerOf } from './inspection.ts';

/** Whom a guest is to trust. */
export function inspectAnchor(bytes: Uint8Array, context: InspectionContext): Inspection {
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  const { name, keyId: id, trustVersion } = parseTrustAnchor(text, context.file);
  const { publicKey, createdAt } = TrustAnchorFile.parse(JSON.parse(text));
  const { trusted } = signerOf(publicKey, name, context);
  return inspection('trust-anchor', {
    content: { name, keyId: id, publicKey, createdAt: isoInstant(createdAt), trustVersion },
    fields: [
      ['Vendor', name],
      ['Key ID', id],
      ['Made', formatMinute(createdAt)],
      ['Trust version', String(trustVersion)],
      ['Trusted here', trusted === true ? { tone: 'good', text: 'yes' } : 'no'],
    ],
    notes: ["Nobody signs a trust anchor: make sure by other means that the key ID is the vendor's."],
  });
}

/** What a machine's license is, as it was written for all its users. */
export function inspectLicenseFile(bytes: Uint8Array, { file }: InspectionContext): Inspection {
  const { writtenAt, vmId, products } = decodeLicenseFile(bytes, file);
  return inspection('license-file', {
    content: {
      writtenAt,
      vmId: vmId.value,
      products: products.map(({ activationId, name, version, state, endsAt }) => ({
        ...{ activationId, name, version, state, endsAt },
      })),
    },
    fields: [
      ['Written', formatMinute(Date.parse(writtenAt))],
      ['VM ID', vmId.value],
      ...products
        .flatMap(({ name, version, state, endsAt, warnings }) => {
          const until = endsAt === null ? '' : ` until ${formatMinute(Date.parse(endsAt))}`;
          return [`${name} ${version}: ${state}${until}`, ...warnings.map((warning) => `  ${warning}`)];
        })
        .map((line, index): Field => [index === 0 ? 'Products' : '', line]),
    ],
    notes: ['It says how things stood when it was written. How they stand now: avma guest check PRODUCT'],
  });
}

/** The state of a guest. */
export function inspectState(bytes: Uint8Array, { file }: InspectionContext): Inspection {
  const { products } = decodeState(bytes, file);
  const leases = Object.values(products).filter(({ activation }) => activation !== null).length;
  const number = Object.keys(products).length;
  return inspection('guest-state', {
    content: { products: number, leases },
    fields: [
      ['Products', String(number)],
      ['Leases', String(leases)],
    ],
    notes: [`What its leases say, and whether they hold: avma lease inspect ${file}`],
  });
}

/** An anchor that stands for those in other files: they are not read. */
const SOME_ANCHOR = `{"schema":"avma.trust-anchor/1","name":"x","publicKey":"${Buffer.alloc(32, 1).toString('base64url')}","createdAt":0}`;

/** What a machine is given. */
export function inspectSetup(bytes: Uint8Array, { file }: InspectionContext): Inspection {
  const { finding, values } = readSetupFile(bytes, {
    name: file,
    readAnchor: () => SOME_ANCHOR,
    mayRun: true,
  });
  if (finding.outcome === 'invalid') throw new AvmaError('file-invalid', finding.why);
  const ending =
    finding.places.find(({ partialProductKey }) => partialProductKey !== null)?.partialProductKey ?? null;
  const { pipe = null, vmId = null, trust = [] } = values;
  return inspection('setup', {
    content: { partialProductKey: ending, pipe, vmId, trustAnchors: trust.length },
    fields: [
      ['Key', ending === null ? 'none' : `ends in ${ending}`],
      ['Pipe', pipe ?? 'not given'],
      ['VM ID', vmId ?? 'not given'],
      ['Trust anchors', String(trust.length)],
    ],
    notes: [`What a machine would take of it: avma guest apply ${file} --dry-run`],
  });
}

const HostFile = z.object({ name: shortLabel, hardwareId, createdAt: instant });

/** Who a host is. */
export function inspectHost(json: unknown): Inspection {
  const host = HostFile.safeParse(json);
  if (!host.success) throw new AvmaError('file-invalid', 'it is not a host.json that this avma can read');
  const { name, hardwareId: id, createdAt } = host.data;
  return inspection('host', {
    content: { name, hardwareId: id, createdAt: isoInstant(createdAt) },
    fields: [
      ['Host', name],
      ['Hardware ID', id],
      ['Made', formatMinute(createdAt)],
    ],
  });
}

/** Private keys: which, and nothing of them. */
export function inspectSecret(
  kind: FileKind,
  bytes: Uint8Array,
  json: unknown,
  context: InspectionContext,
): Inspection {
  const id = publicIdOf(bytes, json);
  const { isOpenToOthers, file } = context;
  return inspection(kind, {
    content: { secret: true, keyId: id, sealed: kind === 'root-key' },
    fields: [...(id === null ? [] : [['Key ID', id] as Field]), ...passphraseField(kind)],
    notes: [
      'It is secret, and nothing of it is shown here.',
      ...(isOpenToOthers === true ? [`Other users may read it: chmod 600 ${file}`] : []),
    ],
  });
}

/** Only a key that a person uses can have a passphrase. */
function passphraseField(kind: FileKind): Field[] {
  if (kind === 'root-key') return [['Passphrase', 'it is sealed with one']];
  if (kind === 'private-key') return [['Passphrase', 'none: whoever can read the file has the key']];
  return [];
}

/** The key ID of a root key, or of a key pair in PEM. */
function publicIdOf(bytes: Uint8Array, json: unknown): string | null {
  const sealed = SealedRootKey.safeParse(json);
  if (sealed.success) return keyId(Buffer.from(sealed.data.publicKey, 'base64url'));
  try {
    const pem = Buffer.from(bytes).toString('utf8');
    return keyId(importPrivateKey('ed25519', pem, { from: 'it', hint: '' }).publicKey);
  } catch (thrown) {
    // Another kind of key.
    if (!(thrown instanceof AvmaError)) throw thrown;
    return null;
  }
}

/** What shows the lines of each log. */
const LOG_COMMANDS: Readonly<Record<string, string>> = {
  ledger: 'avma host report',
  'vendor-log': 'avma vendor log --key root.key',
  events: 'avma guest events',
};

/** A file of lines. */
export function inspectLines(kind: FileKind, bytes: Uint8Array): Inspection {
  const lines = Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '').length;
  return inspection(kind, {
    content: { lines },
    fields: [['Lines', String(lines)]],
    notes: [`What they say: ${LOG_COMMANDS[kind]}`],
  });
}

/** What a command has printed. */
export function inspectOutput(json: unknown): Inspection {
  const schema = String((json as { schema?: unknown }).schema);
  return inspection('output', { content: { schema }, fields: [['Schema', schema]] });
}

/** Why a file is none of ours. */
export function inspectUnknown(bytes: Uint8Array, json: unknown): Inspection {
  const message = `it is no file of avma's: ${guess(bytes, json)}`;
  const hint = 'Check that it is the right file.';
  return inspection('unknown', { problems: [{ code: 'file-invalid', message, hint }] });
}

function guess(bytes: Uint8Array, json: unknown): string {
  if (bytes.length === 0) return 'it is empty';
  const { payloadType } = (json ?? {}) as { payloadType?: unknown };
  if (typeof payloadType === 'string') return `it is signed as "${payloadType.slice(0, 80)}"`;
  if (json !== undefined) return 'it is JSON of another kind';
  const head = Buffer.from(bytes.subarray(0, 4096));
  if (head.includes('urn:schemas-microsoft-com:unattend'))
    return 'it is an answer file of Windows (avma guest apply reads those)';
  if (/^\uFEFF?\s*</.test(head.toString('utf8'))) return 'it is XML';
  return head.includes(0) ? 'it is binary' : 'it is text';
}
