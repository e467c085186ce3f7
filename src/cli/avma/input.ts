import { readBoundedFile } from '../../storage/read-file.ts';

/** The longest file that a command takes as an argument, in bytes: many times what the largest of them needs. */
const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/**
 * A file's bytes, or stdin's for `-`. Links are followed and pipes are read to their end, devices are refused.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid` for a device or a file that is too long.
 */
export function readInput(file: string): Buffer {
  return readBoundedFile(file, MAX_INPUT_BYTES);
}
