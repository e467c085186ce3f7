import fs from 'node:fs';
import { AvmaError } from '../../../errors/avma-error.ts';
import { type FileKind, identifyFile } from '../../../protocol/identify-file.ts';
import { listFiles } from '../../../storage/atomic-file.ts';
import type { InputFile } from '../../../vendor/report/read-reports.ts';
import { readInput } from '../input.ts';

/** What was given to the commands that read usage reports. */
export interface ReportFiles {
  /** Reports and licenses, and files that were named and are neither. */
  readonly files: readonly InputFile[];
  /** Trust updates that lay in the folders. */
  readonly updates: readonly InputFile[];
}

/**
 * Reads files, and what belongs to reports of the `*.json` in folders: reports, licenses and trust updates. Other files
 * of a folder, and folders in it, are left alone.
 *
 * @throws {AvmaError} `file-not-found`, also where no folder has a report; `access-denied`, `file-invalid`.
 */
export function readReportFiles(paths: readonly string[]): ReportFiles {
  const files: InputFile[] = [];
  const updates: InputFile[] = [];
  for (const given of paths) {
    if (!fs.statSync(given, { throwIfNoEntry: false })?.isDirectory()) {
      files.push(read(given));
      continue;
    }
    const found = listFiles(given, '.json').map((file) => ({ kind: kindOf(file), file }));
    const ofKind = (...kinds: FileKind[]) =>
      found.flatMap(({ kind, file }) => (kinds.includes(kind) ? [read(file)] : []));
    files.push(...ofKind('usage-report', 'license'));
    updates.push(...ofKind('trust-update'));
    if (!found.some(({ kind }) => kind === 'usage-report')) {
      throw new AvmaError('file-not-found', `there is no usage report in ${given}`, {
        hint: 'Reports are *.json files from avma host report; folders in the folder are not looked at.',
      });
    }
  }
  return { files, updates };
}

/** One file by its name. @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid`. */
export function read(name: string): InputFile {
  return { name, bytes: readInput(name) };
}

/** `unknown` for what cannot be read: a folder may hold anything. */
function kindOf(file: string): FileKind {
  try {
    return identifyFile(readInput(file)).kind;
  } catch {
    return 'unknown';
  }
}
