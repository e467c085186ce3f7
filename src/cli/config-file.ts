import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { VM_ID_SOURCES, type VmIdSource } from '../machine/vm-id.ts';
import { placeOf } from '../schema/issue-place.ts';
import { oneOf } from '../schema/shapes.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';

/** Where a machine's administrator configures avma. */
export const SYSTEM_FOLDER = '/etc/avma';

/** The range of `deadlineSeconds` and of AVMA_DEADLINE. */
export const MIN_DEADLINE_SECONDS = 0.1;
export const MAX_DEADLINE_SECONDS = 600;
const MIN_SLEEP_MINUTES = 0.01;
const MAX_SLEEP_MINUTES = 60;
/** The most that is read of a configuration, in bytes. */
export const MAX_CONFIG_BYTES = 64 * 1024;

/** What a configuration file may say, all of it optional; docs/schemas/config.schema.json is the same for others. */
export interface Config {
  readonly pipe?: string | undefined;
  readonly vmId?: string | undefined;
  readonly vmIdSource?: VmIdSource | undefined;
  readonly deadlineSeconds?: number | undefined;
  readonly stateFolder?: string | undefined;
  readonly agent?:
    | {
        readonly hooksFolder?: string | undefined;
        readonly textfile?: string | undefined;
        readonly maxSleepMinutes?: number | undefined;
      }
    | undefined;
  readonly trust?: { readonly follow?: boolean | undefined } | undefined;
  readonly events?:
    | {
        readonly journald?: boolean | undefined;
        readonly syslog?: boolean | undefined;
        readonly windowsEventLog?: boolean | undefined;
      }
    | undefined;
}

/** Made when there is a file to read: most machines have none, and every schema costs a part of each start. */
function configSchema() {
  const text = z.optional(z.string());
  const choice = z.optional(z.boolean());
  const number = (min: number, max: number) => z.optional(z.number().check(z.minimum(min), z.maximum(max)));
  return z.strictObject({
    pipe: text,
    vmId: text,
    vmIdSource: z.optional(oneOf(VM_ID_SOURCES)),
    deadlineSeconds: number(MIN_DEADLINE_SECONDS, MAX_DEADLINE_SECONDS),
    stateFolder: text,
    agent: z.optional(
      z.strictObject({
        hooksFolder: text,
        textfile: text,
        maxSleepMinutes: number(MIN_SLEEP_MINUTES, MAX_SLEEP_MINUTES),
      }),
    ),
    trust: z.optional(z.strictObject({ follow: choice })),
    events: z.optional(z.strictObject({ journald: choice, syslog: choice, windowsEventLog: choice })),
  });
}

const CHOICE = 'true or false';

/** What each member of the configuration has to be, for the message about one that is not. */
const CONFIG_MEMBERS: Readonly<Record<string, string>> = {
  pipe: 'text, as in "pipe": "unix:/run/avma/host.sock"',
  vmId: 'text, as in "vmId": "11111111-2222-4333-8444-555555555555"',
  vmIdSource: `one of ${VM_ID_SOURCES.join(', ')}, as in "vmIdSource": "smbios"`,
  deadlineSeconds: `a number from ${MIN_DEADLINE_SECONDS} to ${MAX_DEADLINE_SECONDS}, as in "deadlineSeconds": 10`,
  stateFolder: 'text, as in "stateFolder": "/var/lib/avma"',
  agent: 'an object, as in "agent": { "maxSleepMinutes": 10 }',
  'agent.hooksFolder': 'text, as in "hooksFolder": "/etc/avma/on-change.d"',
  'agent.textfile': 'text, as in "textfile": "/var/lib/prometheus/node-exporter/avma.prom"',
  'agent.maxSleepMinutes': `a number from ${MIN_SLEEP_MINUTES} to ${MAX_SLEEP_MINUTES}, as in "maxSleepMinutes": 10`,
  trust: 'an object, as in "trust": { "follow": false }',
  'trust.follow': CHOICE,
  events: 'an object, as in "events": { "journald": true }',
  'events.journald': CHOICE,
  'events.syslog': CHOICE,
  'events.windowsEventLog': CHOICE,
};

/** The configuration's file: the one that AVMA_CONFIG names, else `/etc/avma/config.json`. */
export function configFileOf(env: NodeJS.ProcessEnv): string {
  return env.AVMA_CONFIG || path.join(SYSTEM_FOLDER, 'config.json');
}

/**
 * What the configuration file says; nothing where there is none.
 *
 * @throws {AvmaError} `config-invalid` for a file that is wrong, or that AVMA_CONFIG names in vain; `file-invalid` for
 *   one that is no plain file or too long; as the system says for one that cannot be read.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const file = configFileOf(env);
  const bytes = readInstalledFileIfAny(file, MAX_CONFIG_BYTES);
  if (bytes !== undefined) return parseConfig(bytes, file);
  if (!env.AVMA_CONFIG) return {};
  throw new AvmaError('config-invalid', `AVMA_CONFIG names ${file}, which does not exist`, {
    hint: 'Correct AVMA_CONFIG, or unset it to use /etc/avma/config.json.',
  });
}

/** The configuration in the bytes of a file. @throws {AvmaError} `config-invalid`, with file and place. */
export function parseConfig(bytes: Uint8Array, file: string): Config {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new AvmaError('config-invalid', `the configuration ${file} is not JSON: ${cause.message}`, {
      cause,
      hint: 'Write it as {"pipe": "unix:/run/avma/host.sock"}, for example.',
    });
  }
  const parsed = configSchema().safeParse(json);
  if (parsed.success) return parsed.data;
  throw wrongMember(file, json, placeOf(parsed.error));
}

/** The error for a wrong member of the configuration: its name, what is wrong, and how to write it. */
function wrongMember(file: string, json: unknown, place: string): AvmaError {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return new AvmaError('config-invalid', `the configuration ${file} is not a JSON object`, {
      hint: 'Write it as {"pipe": "unix:/run/avma/host.sock"}, for example.',
    });
  }
  const wanted = Object.hasOwn(CONFIG_MEMBERS, place) ? CONFIG_MEMBERS[place] : undefined;
  if (wanted !== undefined) {
    const value = JSON.stringify(memberAt(json, place.split('.')));
    return new AvmaError('config-invalid', `"${place}" in the configuration ${file} is ${value}`, {
      hint: `It has to be ${wanted}.`,
    });
  }
  // The members beside the unknown one: those of the file, or those of `agent`, `trust` or `events`.
  const parent = place.includes('.') ? `${place.slice(0, place.lastIndexOf('.'))}.` : '';
  const members = Object.keys(CONFIG_MEMBERS).filter(
    (member) => member.startsWith(parent) && !member.slice(parent.length).includes('.'),
  );
  const written = place.slice(parent.length);
  const alike = members.find((member) => isAlike(member.slice(parent.length), written));
  return new AvmaError('config-invalid', `the configuration ${file} has an unknown member "${place}"`, {
    hint: `${alike === undefined ? '' : `Did you mean "${alike}"? `}The members are ${members.join(', ')}.`,
  });
}

function memberAt(json: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], json);
}

/** Whether one name begins with the other or holds it, in any case: `deadline` and `deadlineSeconds`. */
function isAlike(member: string, written: string): boolean {
  const [a, b] = [member.toLowerCase(), written.toLowerCase().replace(/[-_]/g, '')];
  return b.length >= 2 && (a.startsWith(b) || b.startsWith(a) || a.includes(b) || b.includes(a));
}
