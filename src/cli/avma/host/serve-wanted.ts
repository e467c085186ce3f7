import type { ThrottleLimit } from '../../../host/answering/throttle.ts';
import type { LibvirtOptions } from '../../../host/endpoints/domain-endpoints.ts';
import type { Endpoint, ListenEndpoint } from '../../../host/endpoints/endpoint.ts';
import type { MetricsAddress } from '../../../host/metrics/metrics-address.ts';
import type { ClonePolicy } from '../../../host/presence/clones.ts';
import type { HostConfig } from './config.ts';
import type { LedgerFlag } from './ledger-option.ts';

/** The options of `avma host serve`, parsed. */
export interface ServeFlags extends LedgerFlag {
  readonly listen?: ListenEndpoint[];
  readonly connect?: Endpoint[];
  readonly libvirt?: string | true;
  /** Milliseconds, although the option takes seconds. */
  readonly libvirtInterval: number;
  readonly throttle: ThrottleLimit;
  readonly hostThrottle: ThrottleLimit;
  /** Milliseconds, although the option takes minutes. */
  readonly leaseMinutes: number;
  readonly metrics?: MetricsAddress;
  readonly clones: ClonePolicy;
  /** Milliseconds, although the option takes days; infinite: for good. */
  readonly keepRenewals: number;
  readonly keepRefusals: number;
}

/** What a host is to serve and how, of options and configuration together. */
export interface Wanted {
  readonly listen: readonly ListenEndpoint[];
  readonly connect: readonly Endpoint[];
  readonly libvirt: LibvirtOptions | undefined;
  readonly throttle: ThrottleLimit;
  readonly hostThrottle: ThrottleLimit;
  readonly leaseMs: number;
  readonly metrics: MetricsAddress | undefined;
  readonly clones: ClonePolicy;
  /** As it is written in a file. */
  readonly ledger: string | undefined;
  readonly keepRenewals: number;
  readonly keepRefusals: number;
}

/**
 * Endpoints of options and files add up; of everything else an option that was typed comes before the files, and the
 * files before what an option is when nobody types it.
 *
 * @param typed - Whether somebody typed the option.
 */
export function wantedOf(
  flags: ServeFlags,
  typed: (option: keyof ServeFlags) => boolean,
  config: HostConfig,
): Wanted {
  const choose = <T>(option: keyof ServeFlags, flag: T, configured: T | undefined): T =>
    typed(option) ? flag : (configured ?? flag);
  const libvirt = choose<string | boolean | undefined>('libvirt', flags.libvirt, config.libvirt);
  const intervalMs = choose('libvirtInterval', flags.libvirtInterval, config.libvirtInterval);
  return {
    listen: [...(flags.listen ?? []), ...config.listen],
    connect: [...(flags.connect ?? []), ...config.connect],
    libvirt:
      libvirt === undefined || libvirt === false
        ? undefined
        : { folder: libvirt === true ? null : libvirt, intervalMs },
    throttle: choose('throttle', flags.throttle, config.throttle),
    hostThrottle: choose('hostThrottle', flags.hostThrottle, config.hostThrottle),
    leaseMs: choose('leaseMinutes', flags.leaseMinutes, config.leaseMs),
    metrics: choose('metrics', flags.metrics, config.metrics),
    clones: choose('clones', flags.clones, config.clones),
    ledger: config.ledger,
    keepRenewals: choose('keepRenewals', flags.keepRenewals, config.keepRenewals),
    keepRefusals: choose('keepRefusals', flags.keepRefusals, config.keepRefusals),
  };
}

/** What counts only when the host is started again, and is different now, as the configuration names it. */
export function needingRestart(before: Wanted, now: Wanted): string[] {
  const members = [
    ...(['throttle', 'hostThrottle', 'metrics', 'clones', 'ledger', 'keepRenewals', 'keepRefusals'] as const),
  ];
  return members.filter((member) => JSON.stringify(before[member]) !== JSON.stringify(now[member]));
}
