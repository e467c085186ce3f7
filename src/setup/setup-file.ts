import path from 'node:path';
import { isScalar, type LineCounter } from 'yaml';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { VM_ID_SOURCES } from '../machine/vm-id.ts';
import { PIPE_TYPES } from '../pipe/pipe-uri.ts';
import { parseJsonText } from '../protocol/envelope.ts';
import { parseTrustAnchor, TrustAnchorFile } from '../protocol/trust-anchor.ts';
import { placeOf } from '../schema/issue-place.ts';
import { printable } from '../schema/printable.ts';
import { anyText, oneOf, text as textThat } from '../schema/shapes.ts';
import { normalizeUuid } from '../schema/uuid.ts';
import { readKeyText } from './key-text.ts';
import type { GivenAnchor, KeyFinding, SetupValues } from './outcome.ts';
import { type ParsedYaml, parseYaml } from './yaml-text.ts';

/** The longest setup file that is read, in bytes. One with ten trust anchors has 3 KB. */
export const MAX_SETUP_FILE_BYTES = 64 * 1024;

/** The agent's settings, as `/etc/avma/config.json` has them. */
const AgentSetup = z.strictObject({
  hooksFolder: z.optional(anyText),
  textfile: z.optional(anyText),
  maxSleepMinutes: z.optional(z.number()),
});

/**
 * `avma.setup/1`: all that a guest needs to be licensed, in YAML or JSON. docs/schemas/setup.schema.json has the same
 * shape for others.
 */
const SetupFile = z.strictObject({
  schema: oneOf(['avma.setup/1']),
  /** A client key, or a placeholder. */
  key: z.optional(z.nullable(anyText)),
  pipe: z.optional(textThat((uri) => PIPE_TYPES.includes(uri.split(':', 1)[0] ?? '') && uri.includes(':'))),
  /** Trust anchors: what a `root.pub.json` holds, or the path of one, from the setup file's folder. */
  trust: z.optional(z.array(z.union([anyText, TrustAnchorFile])).check(z.maxLength(32))),
  vmId: z.optional(textThat((uuid) => normalizeUuid(uuid) !== undefined)),
  vmIdSource: z.optional(oneOf(VM_ID_SOURCES)),
  agent: z.optional(AgentSetup),
});

/** What a setup file gives: the key's finding, and all else. */
export interface SetupFileContent {
  readonly finding: KeyFinding;
  readonly values: SetupValues;
}

/** How a setup file is read. */
export interface SetupFileSource {
  /** The file's path, or another name for it, for messages. */
  readonly name: string;
  /** Reads a trust anchor's file; null where the setup may not name files of this machine. */
  readonly readAnchor: ((file: string) => string) | null;
  /**
   * Whether the setup may have root run a program (a pipe `exec:` or `module:`, a folder of hooks) or write a file of
   * its choice (the agent's textfile).
   */
  readonly mayRun: boolean;
}

/**
 * What a setup file in YAML or JSON says. A file that is wrong in any member gives nothing at all: half of a setup is
 * worse than none. Never throws for a file's content.
 */
export function readSetupFile(bytes: Uint8Array, source: SetupFileSource): SetupFileContent {
  return orInvalid(() => {
    const { document, lines } = parseYaml(bytes);
    const key = document.get('key', true);
    return readSetup(documentValue(document), { keyLine: lineOf(key, lines), ...source });
  });
}

/**
 * What a setup says that is one member of a larger file, where its schema may be left out.
 *
 * @param member - The lines of the member, its name, and how many lines of the file stand before it.
 */
export function readSetupMember(
  member: { readonly text: string; readonly name: string; readonly linesBefore: number },
  source: SetupFileSource,
): SetupFileContent {
  return orInvalid(() => {
    // Empty lines in front, so that a problem has the line of the file.
    const { document, lines } = parseYaml(Buffer.from('\n'.repeat(member.linesBefore) + member.text));
    const whole = documentValue(document) as Record<string, unknown>;
    const setup = whole[member.name];
    const isObject = typeof setup === 'object' && setup !== null && !Array.isArray(setup);
    const keyLine = lineOf(document.getIn([member.name, 'key'], true), lines);
    return readSetup(isObject ? { schema: 'avma.setup/1', ...setup } : setup, { keyLine, ...source });
  });
}

/** A file that is wrong is a finding, not an error. */
function orInvalid(read: () => SetupFileContent): SetupFileContent {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return { finding: { outcome: 'invalid', why: thrown.message, where: null, places: [] }, values: {} };
  }
}

/**
 * What a setup says that was parsed already.
 *
 * @throws {AvmaError} `file-invalid`, with the member and how it is written.
 */
function readSetup(
  value: unknown,
  { name, readAnchor, mayRun, keyLine }: SetupFileSource & { readonly keyLine: number | null },
): SetupFileContent {
  const parsed = SetupFile.safeParse(value);
  if (!parsed.success) throw wrongMember(value, placeOf(parsed.error));
  const { key, pipe, vmId, vmIdSource, agent, trust } = parsed.data;
  if (pipe !== undefined && !mayRun && /^(exec|module):/.test(pipe)) {
    throw new AvmaError(
      'file-invalid',
      `the pipe ${printable(pipe, 60)} would run a program, which a setup from here may not ask for`,
    );
  }
  if (!mayRun && (agent?.hooksFolder !== undefined || agent?.textfile !== undefined)) {
    const [member, what] =
      agent.hooksFolder === undefined
        ? ['agent.textfile', 'have root write a file of its choice']
        : ['agent.hooksFolder', 'have root run the programs of a folder'];
    throw new AvmaError('file-invalid', `${member} would ${what}, which a setup from here may not ask for`);
  }
  const anchors = (trust ?? []).map((anchor) => givenAnchor(anchor, name, readAnchor));
  return {
    finding: keyFinding(key ?? '', keyLine),
    values: {
      ...(pipe !== undefined && { pipe }),
      ...(vmId !== undefined && { vmId: normalizeUuid(vmId) ?? vmId }),
      ...(vmIdSource !== undefined && { vmIdSource }),
      ...(agent !== undefined && { agent }),
      ...(anchors.length > 0 && { trust: anchors }),
    },
  };
}

/** The finding for a key that stands alone: in a setup file, a credential, a record of Data Exchange. */
export function keyFinding(written: string, line: number | null): KeyFinding {
  const read = readKeyText(written);
  const outcome = read.kind === 'nothing' ? 'none' : read.kind;
  const where = line === null ? 'key' : `line ${line}, key`;
  if (read.kind === 'nothing') return { outcome, why: 'no product key is given', where: null, places: [] };
  const partialProductKey = read.kind === 'key' ? read.key.slice(-5) : null;
  return {
    outcome,
    why: read.why,
    where,
    places: [
      {
        line,
        column: null,
        path: 'key',
        role: 'activation',
        holds: read.kind,
        why: read.why,
        partialProductKey,
      },
    ],
    ...(read.kind === 'key' && { key: read.key }),
  };
}

/** @throws {AvmaError} `file-invalid` for an anchor that is none. */
function givenAnchor(
  anchor: string | TrustAnchorFile,
  name: string,
  readAnchor: SetupFileSource['readAnchor'],
): GivenAnchor {
  if (typeof anchor !== 'string') return readGivenAnchor(JSON.stringify(anchor), `a trust anchor of ${name}`);
  if (readAnchor === null) {
    throw new AvmaError(
      'file-invalid',
      `trust names the file ${printable(anchor, 80)}, and a setup from here has to hold the trust anchor itself`,
    );
  }
  const file = path.resolve(path.dirname(name), anchor);
  return readGivenAnchor(readAnchor(file), file);
}

/** A trust anchor from the text of its file. @throws {AvmaError} `file-invalid`. */
function readGivenAnchor(json: string, name: string): GivenAnchor {
  return { keyId: parseTrustAnchor(json, name).keyId, json };
}

/** Trust anchors from JSON: what one file holds, or a list of that. @throws {AvmaError} `file-invalid`. */
export function readGivenAnchors(json: string, name: string): GivenAnchor[] {
  const parsed = parseJsonText(json);
  if (!Array.isArray(parsed)) return [readGivenAnchor(json, name)];
  // Whatever is no anchor is not made text again: it may nest deep enough to exhaust the stack.
  const texts = parsed.map((anchor) =>
    TrustAnchorFile.safeParse(anchor).success ? JSON.stringify(anchor) : '',
  );
  return texts.map((text) => readGivenAnchor(text, name));
}

/**
 * Where the key of a setup file stands in its text, quotes included; null if it gives none that is a key.
 *
 * @throws {AvmaError} `file-invalid` for what is neither YAML nor JSON.
 */
export function keySpan(bytes: Uint8Array): { readonly start: number; readonly end: number } | null {
  const { document, text } = parseYaml(bytes);
  const node = document.get('key', true);
  if (!isScalar(node) || !node.range || readKeyText(String(node.value)).kind !== 'key') return null;
  const [start, end] = node.range;
  // A block's range has the line end behind it too.
  return { start, end: start + text.slice(start, end).trimEnd().length };
}

/** @throws {AvmaError} `file-invalid` for aliases. */
function documentValue(document: ParsedYaml['document']): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (thrown) {
    if (!(thrown instanceof ReferenceError)) throw thrown;
    throw new AvmaError('file-invalid', 'the file uses aliases (&name, *name), which are not read');
  }
}

function lineOf(node: unknown, lines: LineCounter): number | null {
  const start = isScalar(node) ? node.range?.[0] : undefined;
  return start === undefined ? null : lines.linePos(start).line;
}

/** How each member is written, for the message about one that is wrong. */
const MEMBERS: Readonly<Record<string, string>> = {
  schema: 'avma.setup/1',
  key: 'a client key, as in BCDFG-HJKMN-PQRTV-WXY23-46789',
  pipe: 'the URI of a pipe, as in virtio:org.avma.activation.0',
  trust: 'a list of trust anchors: each a path, or what root.pub.json holds',
  vmId: 'a UUID, as in 11111111-2222-4333-8444-555555555555',
  vmIdSource: `one of ${VM_ID_SOURCES.join(', ')}`,
  agent: 'settings of the agent: hooksFolder, textfile, maxSleepMinutes',
};

function wrongMember(value: unknown, place: string): AvmaError {
  const members = Object.keys(MEMBERS).join(', ');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new AvmaError('file-invalid', `the file is no setup: a setup has the members ${members}`);
  }
  if (!('schema' in value)) {
    return new AvmaError(
      'file-invalid',
      'the file is no setup: its first member has to be schema: avma.setup/1',
    );
  }
  const member = place.split('.', 1)[0] ?? '';
  const wanted = Object.hasOwn(MEMBERS, member) ? MEMBERS[member] : undefined;
  const shown = printable(place, 60);
  return new AvmaError(
    'file-invalid',
    wanted === undefined
      ? `a setup has no member ${shown}: its members are ${members}`
      : `the member ${shown} is wrong: ${member} has to be ${wanted}`,
  );
}
