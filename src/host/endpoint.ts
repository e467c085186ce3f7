import { AvmaError } from '../errors/avma-error.ts';
import { normalizeUuid } from '../machine/vm-id.ts';

/** Where the host meets its guests: `unix:PATH[,vm=UUID][,mode=0660]`, as `--listen` and `--connect` take it. */
export interface Endpoint {
  readonly path: string;
  /** The VM that it belongs to; null when any guest may come. */
  readonly vmId: string | null;
  /** Permission bits of the socket file. */
  readonly mode: number;
}

/** What the kernel's `sun_path` holds, without its NUL. */
const MAX_SOCKET_PATH = 107;

/** @throws {AvmaError} `argument-invalid` with what is wrong and how it is written. */
export function parseEndpoint(text: string): Endpoint {
  const invalid = (why: string) =>
    new AvmaError('argument-invalid', `the socket "${text}" ${why}`, {
      hint: 'Write it as unix:PATH, unix:PATH,vm=UUID or unix:PATH,vm=UUID,mode=0660.',
    });
  if (!text.startsWith('unix:')) throw invalid('is not of the kind unix:');
  const [path = '', ...options] = text.slice('unix:'.length).split(',');
  if (path === '') throw invalid('has no path');
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw invalid(`has a path of more than ${MAX_SOCKET_PATH} bytes, which the kernel does not take`);
  }
  let vmId: string | null = null;
  let mode = 0o600;
  for (const option of options) {
    const [name, value = ''] = option.split('=', 2);
    if (name === 'vm') {
      vmId = normalizeUuid(value) ?? null;
      if (vmId === null) throw invalid(`names a VM "${value}" that is no UUID`);
    } else if (name === 'mode' && /^0?[0-7]{3}$/.test(value)) {
      mode = Number.parseInt(value, 8);
    } else {
      throw invalid(`has an option "${option}" that means nothing`);
    }
  }
  return { path, vmId, mode };
}
