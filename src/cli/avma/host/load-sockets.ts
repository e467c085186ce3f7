import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';

/**
 * The sockets that `--pipe` of `avma host load` names: `unix:PATH` is one, `unix:FOLDER/` all `*.sock` of
 * that folder in
 * the order of their names.
 *
 * @throws {AvmaError} `argument-invalid` for another transport and for a folder without a socket; what
 * reading the folder
 *   throws.
 */
export function loadSockets(uri: string): string[] {
  const named = /^unix:(?:\/\/(?=\/))?(.+)$/.exec(uri)?.[1];
  if (named === undefined) {
    throw new AvmaError('argument-invalid', `--pipe is "${uri}", which is no unix socket`, {
      hint: 'Write unix:/run/avma/host.sock for one socket, or unix:/run/avma/ for all *.sock of a folder.',
    });
  }
  if (!named.endsWith('/')) return [named];
  let names: string[];
  try {
    names = fs.readdirSync(named);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot list ${named}`);
  }
  const sockets = names.filter((name) => name.endsWith('.sock')).sort(byNumberThenName);
  if (sockets.length > 0) return sockets.map((name) => path.join(named, name));
  throw new AvmaError('argument-invalid', `the folder ${named} has no *.sock in it`);
}

function byNumberThenName(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1);
}
