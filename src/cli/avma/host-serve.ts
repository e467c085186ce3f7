import path from 'node:path';
import { runDaemon } from '../../daemon/run-daemon.ts';
import type { HostEvent } from '../../events/host-event.ts';
import { jsonLinesSink } from '../../events/sinks/json-lines.ts';
import type { ThrottleLimit } from '../../host/answering/throttle.ts';
import type { Endpoint, ListenEndpoint } from '../../host/endpoints/endpoint.ts';
import { installedCertificate, type RunningHost, serve } from '../../host/serve.ts';
import type { Context } from './context.ts';
import { say } from './output.ts';

/** The options of `avma host serve`, parsed. */
export interface ServeFlags {
  readonly listen?: ListenEndpoint[];
  readonly connect?: Endpoint[];
  readonly libvirt?: string | true;
  readonly libvirtInterval: number;
  readonly throttle: ThrottleLimit;
  readonly leaseMinutes: number;
}

/** `avma host serve`: answers guests until a signal stops it. @throws {AvmaError} What {@link serve} throws. */
export async function runHost(context: Context, options: ServeFlags): Promise<void> {
  const { hostFolder, hostCatalogFolders } = context.settings();
  let told = false;
  const { signal } = await runDaemon({
    notify: say,
    async start() {
      const running = await serve({
        folder: hostFolder,
        catalogFolders: hostCatalogFolders,
        listen: options.listen ?? [],
        connect: options.connect ?? [],
        ...(options.libvirt === undefined
          ? {}
          : {
              libvirt: {
                folder: options.libvirt === true ? null : options.libvirt,
                interval: options.libvirtInterval,
              },
            }),
        notify: say,
        throttle: options.throttle,
        lease: options.leaseMinutes,
        events: jsonLinesSink<HostEvent>(path.join(hostFolder, 'events.jsonl'), (thrown) => {
          if (!told) say(`avma: events are being lost: ${String(thrown)}`);
          told = true;
        }),
      });
      introduce(running, hostFolder);
      return running;
    },
  });
  say(`Stopped by ${signal}.`);
}

function introduce(running: RunningHost, hostFolder: string): void {
  const certificate = installedCertificate(hostFolder)?.certificate;
  say(
    certificate === undefined
      ? `Host ${running.host.name} is not activated: it will refuse all guests until avma host activate CERT.`
      : `Host ${running.host.name} (${certificate.edition} ${certificate.osVersion}) answers guests.`,
    ...running.endpoints.map(
      ({ channel }) => `  ${channel.name}  ${channel.vmId === null ? 'any guest' : `VM ${channel.vmId}`}`,
    ),
  );
}
