import path from 'node:path';
import { Command, Option } from 'commander';
import { runDaemon } from '../../daemon/run-daemon.ts';
import { serviceManager } from '../../daemon/systemd-notify.ts';
import type { HostEvent } from '../../events/host-event.ts';
import { jsonLinesSink } from '../../events/sinks/json-lines.ts';
import { DEFAULT_LIMIT, type ThrottleLimit } from '../../host/answering/throttle.ts';
import type { Endpoint, ListenEndpoint } from '../../host/endpoints/endpoint.ts';
import { type RunningHost, serve } from '../../host/serve.ts';
import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import type { Context } from './context.ts';
import { parseConnectEndpoint, parseListenEndpoint } from './endpoint-arguments.ts';
import { collect } from './option-values.ts';
import { say } from './output.ts';
import { parseIntervalMs, parseLeaseMs, parseThrottle } from './serve-arguments.ts';

/** The options of `avma host serve`, parsed. */
interface ServeFlags {
  readonly listen?: ListenEndpoint[];
  readonly connect?: Endpoint[];
  readonly libvirt?: string | true;
  /** Milliseconds, although the option takes seconds. */
  readonly libvirtInterval: number;
  readonly throttle: ThrottleLimit;
  /** Milliseconds, although the option takes minutes. */
  readonly leaseMinutes: number;
}

/** `avma host serve`. */
export function serveCommand(context: Context): Command {
  return new Command('serve')
    .description('Answer guests until stopped by SIGTERM or SIGINT')
    .option(
      '--listen <endpoint>',
      'create a socket and listen on it: unix:PATH[,vm=UUID][,mode=0660], on Windows npipe://./pipe/NAME[,vm=UUID]; or answer in the Hyper-V pool files of a guest: kvp:FOLDER[,vm=UUID]; with vm=, only that VM is served; may be repeated',
      collect(parseListenEndpoint),
    )
    .option(
      '--connect <endpoint>',
      'connect to a socket that QEMU or libvirt created; retried until it exists: unix:PATH[,vm=UUID]; may be repeated',
      collect(parseConnectEndpoint),
    )
    .option(
      '--libvirt [folder]',
      "serve every libvirt domain with the channel org.avma.activation.0; domains come from virsh, or from a folder's *.xml",
    )
    .addOption(
      new Option('--libvirt-interval <seconds>', 'seconds between scans for started and stopped domains')
        .argParser(parseIntervalMs)
        .default(5000, '5'),
    )
    .addOption(
      new Option('--throttle <count/seconds>', 'requests that a channel may send in that time')
        .argParser(parseThrottle)
        .default(DEFAULT_LIMIT, `${DEFAULT_LIMIT.burst}/${DEFAULT_LIMIT.windowMs / 1000}`),
    )
    .addOption(
      new Option('--lease-minutes <number>', 'length of a lease; 10080 (7 days) at most')
        .argParser(parseLeaseMs)
        .default(MAX_LEASE_MS, `${MAX_LEASE_MS / MINUTE_MS}`),
    )
    .addHelpText(
      'after',
      `
Examples:
  avma host serve --listen unix:/run/avma/host.sock
  avma host serve --listen unix:/run/web01.sock,vm=11111111-2222-4333-8444-555555555555,mode=0660
  avma host serve --libvirt`,
    )
    .action((options: ServeFlags) => runHost(context, options));
}

/** `avma host serve`: answers guests until a signal stops it. @throws {AvmaError} What {@link serve} throws. */
async function runHost(context: Context, options: ServeFlags): Promise<void> {
  const { hostFolder, hostCatalogFolders } = context.settings();
  const manager = serviceManager(process.env);
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
                intervalMs: options.libvirtInterval,
              },
            }),
        notify: say,
        throttle: options.throttle,
        leaseMs: options.leaseMinutes,
        events: jsonLinesSink<HostEvent>(path.join(hostFolder, 'events.jsonl'), say),
      });
      for (const { channel } of running.endpoints) {
        say(`  ${channel.name}  ${channel.vmId === null ? 'any guest' : `VM ${channel.vmId}`}`);
      }
      manager.ready(servingStatus(running));
      return {
        stop: () => {
          manager.stopping();
          return running.stop();
        },
      };
    },
  });
  say(`Stopped by ${signal}.`);
}

/** The line that `systemctl status` shows. The domains of libvirt come and go; the log says which there are. */
function servingStatus({ host, endpoints }: RunningHost): string {
  const places = endpoints.map(({ channel }) => channel.name).join(', ');
  return `Host ${host.name} answers guests${places === '' ? ' of libvirt' : ` on ${places}`}.`;
}
