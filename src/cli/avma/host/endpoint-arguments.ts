import { AvmaError } from '../../../errors/avma-error.ts';
import {
  type Endpoint,
  type ListenEndpoint,
  namedPipePath,
  socketPathProblem,
} from '../../../host/endpoints/endpoint.ts';
import { normalizeUuid } from '../../../schema/uuid.ts';

/**
 * The value of `--listen`: `unix:PATH[,vm=UUID][,mode=0660]`, on Windows `npipe://./pipe/NAME[,vm=UUID]`; on every
 * system `kvp:FOLDER[,vm=UUID]`.
 *
 * @throws {AvmaError} `argument-invalid` with the mistake and the right form.
 */
export function parseListenEndpoint(text: string, platform = process.platform): ListenEndpoint {
  if (text.startsWith(POOL_FILES.scheme)) {
    const { place, vmId } = parse(text, POOL_FILES);
    return { kind: 'kvp', folder: place, vmId };
  }
  const { place, vmId, mode = '600' } = parse(text, platform === 'win32' ? WINDOWS_PIPE : OWN_SOCKET);
  return { kind: 'socket', path: place, vmId, mode: Number.parseInt(mode, 8) };
}

/**
 * The value of `--connect`: `unix:PATH[,vm=UUID]`. It takes no mode: the file belongs to the process that listens.
 *
 * @throws {AvmaError} `argument-invalid` with the mistake and the right form.
 */
export function parseConnectEndpoint(text: string): Endpoint {
  const { place, vmId } = parse(text, FOREIGN_SOCKET);
  return { path: place, vmId };
}

/** One way to write an endpoint. */
interface Grammar {
  readonly scheme: string;
  readonly hint: string;
  readonly takesMode: boolean;
  /** What is wrong with the text after the scheme, as the rest of a sentence; undefined when nothing is. */
  problem(rest: string): string | undefined;
  /** The text after the scheme, as the system takes it. */
  place(rest: string): string;
}

const asWritten = (rest: string) => rest;

const OWN_SOCKET: Grammar = {
  scheme: 'unix:',
  hint: 'Write it as unix:PATH, unix:PATH,vm=UUID or unix:PATH,vm=UUID,mode=0660.',
  takesMode: true,
  problem: socketPathProblem,
  place: asWritten,
};

const FOREIGN_SOCKET: Grammar = {
  scheme: 'unix:',
  hint: 'Write it as unix:PATH or unix:PATH,vm=UUID.',
  takesMode: false,
  problem: socketPathProblem,
  place: asWritten,
};

const PIPE_PREFIX = '//./pipe/';

const WINDOWS_PIPE: Grammar = {
  scheme: 'npipe:',
  hint: 'Write it as npipe://./pipe/NAME or npipe://./pipe/NAME,vm=UUID.',
  takesMode: false,
  problem: (rest) => (/^\/\/\.\/pipe\/[^\\/]{1,200}$/.test(rest) ? undefined : 'does not name a pipe'),
  place: (rest) => namedPipePath(rest.slice(PIPE_PREFIX.length)),
};

const POOL_FILES: Grammar = {
  scheme: 'kvp:',
  hint: 'Write it as kvp:FOLDER or kvp:FOLDER,vm=UUID.',
  takesMode: false,
  problem: (rest) => (rest === '' ? 'names no folder' : undefined),
  place: asWritten,
};

function parse(
  text: string,
  grammar: Grammar,
): { readonly place: string; readonly vmId: string | null; readonly mode?: string } {
  const { scheme, hint, takesMode } = grammar;
  const invalid = (why: string) =>
    new AvmaError('argument-invalid', `the endpoint "${text}" ${why}`, { hint });
  if (!text.startsWith(scheme)) throw invalid(`does not begin with ${scheme}`);
  const [rest = '', ...options] = text.slice(scheme.length).split(',');
  const problem = grammar.problem(rest);
  if (problem !== undefined) throw invalid(problem);
  let vmId: string | null = null;
  let mode: string | undefined;
  for (const option of options) {
    const [name, value = ''] = option.split('=', 2);
    if (name === 'vm') {
      vmId = normalizeUuid(value) ?? null;
      if (vmId === null) throw invalid(`names the VM "${value}", which is not a UUID`);
    } else if (takesMode && name === 'mode' && /^0?[0-7]{3}$/.test(value)) {
      mode = value;
    } else {
      throw invalid(`has an unknown option "${option}"`);
    }
  }
  return { place: grammar.place(rest), vmId, ...(mode === undefined ? {} : { mode }) };
}
