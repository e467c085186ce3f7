import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { HOUR_MS } from '../../schema/durations.ts';
import { readInstalledFile } from '../../storage/read-file.ts';
import type { Said } from './fleet-host.ts';
import type { Collected, LeftAside } from './fleet-status.ts';
import { saidIn } from './said.ts';

/** The most files that are read, and the most of each in bytes. */
const MAX_FILES = 20_000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** After how long without a newer file a host counts as silent: they are collected once a day. */
const SILENT_MS = 26 * HOUR_MS;

/**
 * Reads what was collected of hosts: each `*.json` of the folder and of those below it is an output of
 * `avma host status --json`. What is none is named and left aside.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @throws {AvmaError} `file-not-found`, `access-denied` for the folder, `argument-invalid` for one with too many files.
 */
export function collectFiles(folder: string, now: number): Collected {
  const said: Said[] = [];
  const aside: LeftAside[] = [];
  for (const name of jsonFilesIn(folder)) {
    const found = readStatus(path.join(folder, name), name);
    if (typeof found === 'string') aside.push({ source: name, why: found });
    else said.push(found);
  }
  return { said, aside, now, silentMs: SILENT_MS };
}

function jsonFilesIn(folder: string): string[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the folder ${folder}`);
  }
  const found = names.filter((name) => name.endsWith('.json')).sort();
  if (found.length > MAX_FILES) {
    throw new AvmaError('argument-invalid', `${folder} has ${found.length} files, more than ${MAX_FILES}`);
  }
  return found;
}

function readStatus(file: string, source: string): Said | string {
  try {
    const writtenAt = Math.round(fs.statSync(file).mtimeMs);
    const value = parseJson(readInstalledFile(file, MAX_FILE_BYTES));
    return value === undefined ? 'it is no JSON' : saidIn(value, { source, writtenAt, clockOffset: null });
  } catch (thrown) {
    const error = toAvmaError(thrown, 'it cannot be read');
    if (error.code === 'internal') throw error;
    return error.message;
  }
}
