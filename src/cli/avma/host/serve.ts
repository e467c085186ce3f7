import path from 'node:path';
import { Command, Option } from 'commander';
import { startHeartbeat } from '../../../daemon/heartbeat.ts';
import { openServiceLog } from '../../../daemon/journal-log.ts';
import { type Daemon, runDaemon } from '../../../daemon/run-daemon.ts';
import { serviceManager } from '../../../daemon/systemd-notify.ts';
import type { HostEvent } from '../../../events/host-event.ts';
import { jsonLinesSink } from '../../../events/sinks/json-lines.ts';
import { DEFAULT_HOST_LIMIT } from '../../../host/answering/host-throttle.ts';
import { DEFAULT_LIMIT } from '../../../host/answering/throttle.ts';
import { parseMetricsAddress } from '../../../host/metrics/metrics-address.ts';
import { CLONE_POLICIES } from '../../../host/presence/clones.ts';
import { DEFAULT_RETENTION } from '../../../host/retention/keeping.ts';
import { serve } from '../../../host/serve.ts';
import type { RunningHost } from '../../../host/serve-options.ts';
import { MAX_LEASE_MS } from '../../../protocol/answer.ts';
import { DAY_MS, MINUTE_MS } from '../../../schema/durations.ts';
import { packageVersion } from '../../settings.ts';
import { isTerminal, STDERR } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { collect } from '../option-values.ts';
import { say } from '../output.ts';
import { readHostConfig } from './config.ts';
import { parseConnectEndpoint, parseListenEndpoint } from './endpoint-arguments.ts';
import { ledgerOption, ledgerPlace } from './ledger-option.ts';
import { parseIntervalMs, parseKeep, parseLeaseMs, parseThrottle } from './serve-arguments.ts';
import { needingRestart, type ServeFlags, wantedOf } from './serve-wanted.ts';

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
      new Option('--host-throttle <count/seconds>', 'requests of all channels together in that time')
        .argParser(parseThrottle)
        .default(DEFAULT_HOST_LIMIT, `${DEFAULT_HOST_LIMIT.burst}/${DEFAULT_HOST_LIMIT.windowMs / 1000}`),
    )
    .addOption(
      new Option('--lease-minutes <number>', 'length of a lease; 10080 (7 days) at most')
        .argParser(parseLeaseMs)
        .default(MAX_LEASE_MS, `${MAX_LEASE_MS / MINUTE_MS}`),
    )
    .addOption(
      new Option(
        '--clones <policy>',
        'what becomes of a VM ID that two machines use at once: warn says it; the others refuse the machine that came last, or both',
      )
        .choices(CLONE_POLICIES)
        .default('warn'),
    )
    .addOption(
      new Option(
        '--metrics <address>',
        'serve metrics for Prometheus there: 127.0.0.1:9640, or unix:PATH[,mode=0660]; other addresses end in ,remote',
      ).argParser(parseMetricsAddress),
    )
    .addOption(ledgerOption())
    .addOption(
      new Option('--keep-renewals <days>', 'how long old renewals are kept before they are folded; or always')
        .argParser(parseKeep)
        .default(DEFAULT_RETENTION.keepRenewals, `${DEFAULT_RETENTION.keepRenewals / DAY_MS}d`),
    )
    .addOption(
      new Option('--keep-refusals <days>', 'how long refusals are kept before they are folded; or always')
        .argParser(parseKeep)
        .default(DEFAULT_RETENTION.keepRefusals, `${DEFAULT_RETENTION.keepRefusals / DAY_MS}d`),
    )
    .addHelpText(
      'after',
      `
Examples:
  avma host serve --listen unix:/run/avma/host.sock
  avma host serve --listen unix:/run/web01.sock,vm=11111111-2222-4333-8444-555555555555,mode=0660
  avma host serve --libvirt

Endpoints and limits may also be in files: /etc/avma/host.d/*.json, or in the folder of
AVMA_HOST_CONFIG_DIR. SIGHUP reads them again, and certificates, licenses and catalogs too.`,
    )
    .action((options: ServeFlags, command: Command) => runHost(context, options, command));
}

/** `avma host serve`: answers guests until a signal stops it. @throws {AvmaError} What {@link serve} throws. */
async function runHost(context: Context, flags: ServeFlags, command: Command): Promise<void> {
  const { hostFolder, hostConfigFolder, hostCatalogFolders } = context.settings();
  const manager = serviceManager(process.env);
  const isWatched = isTerminal(STDERR);
  const log = openServiceLog({
    ...{ env: process.env, identifier: 'avma-host', isTerminal: isWatched },
    stderr: (line) => say(line),
  });
  const typed = (option: keyof ServeFlags) =>
    !['default', undefined].includes(command.getOptionValueSource(option));
  const readWanted = () => wantedOf(flags, typed, readHostConfig(hostConfigFolder));
  let status = () => '';
  const { signal } = await runDaemon<Daemon & { readonly running: RunningHost }>({
    notify: log.write,
    async start() {
      const wanted = readWanted();
      const running = await serve({
        ...wanted,
        folder: hostFolder,
        ledger: ledgerPlace(context, flags),
        catalogFolders: hostCatalogFolders,
        version: packageVersion(context.launcher.packageRoot),
        notify: log.write,
        events: jsonLinesSink<HostEvent>(path.join(hostFolder, 'events.jsonl'), log.write, { gatherMs: 10 }),
        onReload: (step) => {
          if (step === 'begun') manager.reloading();
          else manager.ready(status());
        },
        reread() {
          const now = readWanted();
          return { ...now, needsRestart: needingRestart(wanted, now) };
        },
      });
      for (const { channel } of running.endpoints) {
        log.write(`  ${channel.name}  ${channel.vmId === null ? 'any guest' : `VM ${channel.vmId}`}`);
      }
      status = () => running.pulse().text;
      manager.ready(status());
      const endHeartbeat = startHeartbeat(manager, () => running.pulse());
      return {
        running,
        stop: () => {
          endHeartbeat();
          manager.stopping();
          return running.stop();
        },
      };
    },
    // On a terminal SIGHUP says that the terminal is gone.
    ...(isWatched ? {} : { reload: ({ running }) => running.reload().then(nothing, nothing) }),
  });
  log.write(`Stopped by ${signal}.`);
  await log.close();
}

/** What a reload did is said by the host itself. */
function nothing(): void {}
