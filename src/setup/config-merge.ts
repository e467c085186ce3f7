import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../errors/avma-error.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';
import type { SetupEnvironment } from './environment.ts';

const MAX_CONFIG_BYTES = 64 * 1024;
const CONFIG_MODE = 0o644;

/**
 * Puts members into the configuration file in place of those of the same name; all other members stay. An object is
 * merged member by member. The file is replaced as a whole, and not touched when nothing changes.
 *
 * @throws {AvmaError} `config-invalid` for a configuration that is wrong already, or would be then; `access-denied`,
 *   `disk-full`, `io-error`.
 */
export function mergeIntoConfig(
  { configFile, checkConfig }: Pick<SetupEnvironment, 'configFile' | 'checkConfig'>,
  members: Readonly<Record<string, unknown>>,
  { dryRun }: { readonly dryRun: boolean },
): void {
  const bytes = readInstalledFileIfAny(configFile, MAX_CONFIG_BYTES);
  if (bytes !== undefined) checkConfig(bytes);
  const before: Record<string, unknown> = bytes === undefined ? {} : JSON.parse(bytes.toString('utf8'));
  const after = { ...before };
  for (const [name, value] of Object.entries(members)) after[name] = merged(before[name], value);
  if (bytes !== undefined && JSON.stringify(after) === JSON.stringify(before)) return;
  const text = `${JSON.stringify(after, null, 2)}\n`;
  checkConfig(Buffer.from(text));
  if (dryRun) return;
  makeFolder(path.dirname(configFile));
  replaceFile(configFile, text, modeOf(configFile));
}

function merged(before: unknown, given: unknown): unknown {
  return isObject(before) && isObject(given) ? { ...before, ...given } : given;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot make the folder ${folder}`);
  }
}

/** The mode that the file has; for a new one that of configurations, which everybody may read. */
function modeOf(file: string): number {
  const mode = fs.statSync(file, { throwIfNoEntry: false })?.mode;
  return mode === undefined ? CONFIG_MODE : mode & 0o777;
}
