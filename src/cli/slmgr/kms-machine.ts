import type { KmsClientSettings } from '../../guest/licensing-service.ts';

/**
 * Reads what /skms takes: `name`, `name:port`, `:port`, `[v6]` or `[v6]:port`. Without a port the stored one is
 * cleared. With a port alone the name is kept; what Windows does with the name then is not known.
 *
 * @returns null for anything else.
 */
export function parseKmsMachine(
  text: string,
): Partial<Pick<KmsClientSettings, 'machineName' | 'machinePort'>> | null {
  // The first colon separates name and port, so an IPv6 address needs brackets.
  const parts = /^(\[[0-9A-Fa-f:.%]+\]|[^:[\]\s]*)(?::(\d{1,5}))?$/.exec(text);
  if (parts === null) return null;
  const [, machineName = '', port] = parts;
  const machinePort = Number(port ?? 0);
  if (machinePort > 65_535 || (port !== undefined && machinePort === 0)) return null;
  if (machineName !== '') return { machineName, machinePort };
  return port === undefined ? null : { machinePort };
}
