import type { Notify } from '../../system/notify.ts';
import type { GuestChannel } from '../channel.ts';
import type { DomainEndpoint } from '../libvirt/domain.ts';
import type { DomainWatch } from '../libvirt/watch.ts';
import type { ConnectionEnvironment } from './connection.ts';
import type { ServedEndpoint } from './endpoint.ts';
import { connectUnix } from './unix-connector.ts';
import { listenUnix } from './unix-listener.ts';

/** Which libvirt domains to serve. */
export interface LibvirtOptions {
  /** The folder of the domains' XML; null asks libvirt itself, through virsh. */
  readonly folder: string | null;
  /** From one look for new and gone domains to the next, in milliseconds. */
  readonly intervalMs: number;
}

/** Permission bits of the sockets that QEMU dials: it runs as another user, so it has to be let in by the group. */
const QEMU_SOCKET_MODE = 0o660;

/**
 * Serves libvirt's domains as they come and go.
 *
 * @throws {AvmaError} If the domains cannot be read at the first look.
 */
export async function serveDomains(
  { folder, intervalMs }: LibvirtOptions,
  environment: ConnectionEnvironment,
  notify: Notify,
): Promise<DomainWatch> {
  // Imported here: the XML parser is loaded by a host that serves domains only.
  const [{ folderSource, virshSource }, { watchDomains }] = await Promise.all([
    import('../libvirt/source.ts'),
    import('../libvirt/watch.ts'),
  ]);
  let onClosed = () => {};
  // A connection that has ended is the first that is seen of a domain that stops.
  const observing: ConnectionEnvironment = {
    ...environment,
    observe(moment) {
      environment.observe(moment);
      if (moment.kind === 'connection-closed') onClosed();
    },
  };
  const open = async ({ kind, vmId, path, domain }: DomainEndpoint): Promise<ServedEndpoint> => {
    const served =
      kind === 'connect'
        ? connectUnix({ path, vmId, domain }, observing, notify)
        : await listenUnix({ path, vmId, domain, mode: QEMU_SOCKET_MODE }, observing, notify);
    // libvirt's socket paths change at each domain start. Observers forget the channel, or their maps grow for ever.
    const { channel } = served;
    const forget = () => environment.observe({ kind: 'channel-closed', channel });
    return { channel, close: (deadline) => served.close(deadline).finally(forget) };
  };
  const source = folder === null ? virshSource(process.env) : folderSource(folder);
  const seen = (channel: GuestChannel, runs: boolean) =>
    environment.observe({ kind: 'domain-seen', channel, runs });
  const watch = await watchDomains({ source, intervalMs, open, seen, notify });
  onClosed = () => watch.lookSoon();
  return watch;
}
