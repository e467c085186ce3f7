import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import type { ThrottleLimit } from '../../../host/answering/throttle.ts';
import type { Endpoint, ListenEndpoint } from '../../../host/endpoints/endpoint.ts';
import { hasPassword } from '../../../host/ledger/ledger-uri.ts';
import { type MetricsAddress, parseMetricsAddress } from '../../../host/metrics/metrics-address.ts';
import { CLONE_POLICIES, type ClonePolicy } from '../../../host/presence/clones.ts';
import { placeOf } from '../../../schema/issue-place.ts';
import { anyText, oneOf } from '../../../schema/shapes.ts';
import { readInstalledFile } from '../../../storage/read-file.ts';
import { parseConnectEndpoint, parseListenEndpoint } from './endpoint-arguments.ts';
import { parseIntervalMs, parseKeep, parseLeaseMs, parseThrottle } from './serve-arguments.ts';

/** The most that is read of one file, in bytes. */
const MAX_FILE_BYTES = 1024 * 1024;

/** The most endpoints that one file may name. */
const MAX_ENDPOINTS = 10_000;

/** What the files of a folder say of how a host serves, parsed as the options of `avma host serve` are. */
export interface HostConfig {
  readonly listen: readonly ListenEndpoint[];
  readonly connect: readonly Endpoint[];
  /** A folder of domains; true: libvirt itself; false: none. */
  readonly libvirt: string | boolean | undefined;
  /** Milliseconds. */
  readonly libvirtInterval: number | undefined;
  readonly throttle: ThrottleLimit | undefined;
  readonly hostThrottle: ThrottleLimit | undefined;
  /** Milliseconds. */
  readonly leaseMs: number | undefined;
  readonly clones: ClonePolicy | undefined;
  /** As written: a URI, which may hold a password. */
  readonly ledger: string | undefined;
  /** Milliseconds; infinite: for good. */
  readonly keepRenewals: number | undefined;
  readonly keepRefusals: number | undefined;
  readonly metrics: MetricsAddress | undefined;
}

const NOTHING_SAID: HostConfig = {
  listen: [],
  connect: [],
  libvirt: undefined,
  libvirtInterval: undefined,
  throttle: undefined,
  hostThrottle: undefined,
  leaseMs: undefined,
  clones: undefined,
  ledger: undefined,
  keepRenewals: undefined,
  keepRefusals: undefined,
  metrics: undefined,
};

/** What each member has to be, for the message about one that is not. */
const MEMBERS = {
  schema: '"avma.host-config/1"',
  listen: 'a list of text, as in "listen": ["unix:/run/avma/host.sock,mode=0660"]',
  connect: 'a list of text, as in "connect": ["unix:/run/qemu/web01-avma.sock,vm=UUID"]',
  libvirt: 'true, false, or the folder of the domains, as in "libvirt": "/run/libvirt/qemu"',
  libvirtIntervalSeconds: 'a number from 1 to 3600, as in "libvirtIntervalSeconds": 5',
  throttle: 'text, as in "throttle": "600/60"',
  hostThrottle: 'text, as in "hostThrottle": "60000/60"',
  leaseMinutes: 'a whole number from 1 to 10080, as in "leaseMinutes": 10080',
  clones: `one of ${CLONE_POLICIES.join(', ')}, as in "clones": "warn"`,
  ledger: 'text, as in "ledger": "sqlite:/var/lib/avma/host/ledger.db"',
  keepRenewals: 'text, as in "keepRenewals": "400d"',
  keepRefusals: 'text, as in "keepRefusals": "30d"',
  metrics: 'text, as in "metrics": "127.0.0.1:9640"',
} as const;

/** Made when there is a file to read, as that of the configuration. */
function fileSchema() {
  const endpoints = z.optional(z.array(anyText).check(z.maxLength(MAX_ENDPOINTS)));
  const text = z.optional(anyText);
  const number = z.optional(z.number());
  return z.strictObject({
    schema: oneOf(['avma.host-config/1']),
    listen: endpoints,
    connect: endpoints,
    libvirt: z.optional(z.union([z.boolean(), anyText])),
    libvirtIntervalSeconds: number,
    throttle: text,
    hostThrottle: text,
    leaseMinutes: number,
    clones: z.optional(oneOf(CLONE_POLICIES)),
    ledger: text,
    keepRenewals: text,
    keepRefusals: text,
    metrics: text,
  });
}

type ConfigFile = z.infer<ReturnType<typeof fileSchema>>;

/**
 * Reads all `*.json` of a folder, in the order of their names. Endpoints add up; of every other member the last file
 * counts. A folder that does not exist says nothing.
 *
 * @throws {AvmaError} `config-invalid` with file and member for a mistake, and for a password in a file that others may
 *   read; `file-invalid` for what is no plain file or too long; as the system says for what cannot be read.
 */
export function readHostConfig(folder: string): HostConfig {
  return filesOf(folder).map(readFile).reduce(together, NOTHING_SAID);
}

function together(before: HostConfig, later: HostConfig): HostConfig {
  const said = Object.entries(later).filter(([, value]) => value !== undefined);
  return {
    ...before,
    ...Object.fromEntries(said),
    listen: [...before.listen, ...later.listen],
    connect: [...before.connect, ...later.connect],
  };
}

function filesOf(folder: string): string[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read the folder ${folder}`);
    if (error.code === 'file-not-found') return [];
    throw error;
  }
  return names
    .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    .sort()
    .map((name) => path.join(folder, name));
}

function readFile(file: string): HostConfig {
  const content = parseFile(readInstalledFile(file, MAX_FILE_BYTES), file);
  refuseOpenPassword(content, file);
  return toConfig(content, file);
}

function parseFile(bytes: Buffer, file: string): ConfigFile {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new AvmaError('config-invalid', `the configuration ${file} is not JSON: ${cause.message}`, {
      cause,
      hint: 'Write it as {"schema": "avma.host-config/1", "listen": ["unix:/run/avma/host.sock"]}, for example.',
    });
  }
  const parsed = fileSchema().safeParse(json);
  if (parsed.success) return parsed.data;
  const place = placeOf(parsed.error);
  const [member = ''] = place.split('.');
  const wanted = Object.hasOwn(MEMBERS, member) ? MEMBERS[member as keyof typeof MEMBERS] : undefined;
  if (wanted === undefined) {
    throw new AvmaError('config-invalid', `the configuration ${file} has an unknown member "${place}"`, {
      hint: `The members are ${Object.keys(MEMBERS).join(', ')}.`,
    });
  }
  throw wrongAt(file, place, 'is not what it has to be', `It has to be ${wanted}.`);
}

function wrongAt(file: string, place: string, what: string, hint: string | undefined, cause?: unknown) {
  return new AvmaError('config-invalid', `"${place}" in the configuration ${file} ${what}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Read and write permission for the group and for all others. */
const OPEN_TO_OTHERS = 0o066;

/** @throws {AvmaError} `config-invalid` if the file holds a password and others may read it. */
function refuseOpenPassword({ ledger }: ConfigFile, file: string): void {
  if (ledger === undefined || process.platform === 'win32') return;
  if ((fs.statSync(file).mode & OPEN_TO_OTHERS) === 0) return;
  if (!hasPassword(ledger)) return;
  throw wrongAt(
    file,
    'ledger',
    'holds a password, and others may read the file',
    `Run chmod 600 ${file}, and change the password if somebody may have read it.`,
  );
}

function toConfig(content: ConfigFile, file: string): HostConfig {
  /** The value, parsed as an option is; a mistake is one of the file. */
  const parsed = <T>(place: string, parse: () => T): T => {
    try {
      return parse();
    } catch (thrown) {
      if (!(thrown instanceof AvmaError) || thrown.code !== 'argument-invalid') throw thrown;
      throw wrongAt(file, place, `cannot be used: ${thrown.message}`, thrown.hint, thrown);
    }
  };
  const each = <T>(member: 'listen' | 'connect', parse: (text: string) => T): T[] =>
    (content[member] ?? []).map((text, index) => parsed(`${member}.${index}`, () => parse(text)));
  const one = <T>(member: keyof ConfigFile, parse: (text: string) => T): T | undefined => {
    const value = content[member];
    return value === undefined ? undefined : parsed(member, () => parse(String(value)));
  };
  return {
    listen: each('listen', (text) => parseListenEndpoint(text)),
    connect: each('connect', parseConnectEndpoint),
    libvirt: content.libvirt,
    libvirtInterval: one('libvirtIntervalSeconds', parseIntervalMs),
    throttle: one('throttle', parseThrottle),
    hostThrottle: one('hostThrottle', parseThrottle),
    leaseMs: one('leaseMinutes', parseLeaseMs),
    clones: content.clones,
    ledger: content.ledger,
    keepRenewals: one('keepRenewals', parseKeep),
    keepRefusals: one('keepRefusals', parseKeep),
    metrics: one('metrics', parseMetricsAddress),
  };
}
