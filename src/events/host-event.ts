import type { AvmaErrorCode } from '../errors/codes.ts';

/** Event 12310, on the host: one for each request that was answered, except for the rest of a flood. */
export interface HostEvent {
  readonly eventId: 12310;
  readonly decision: 'approved' | 'refused' | 'fault';
  readonly code: AvmaErrorCode | 'success';
  readonly hresult: string;
  readonly message: string;
  /** The name of the channel that the request came in on. */
  readonly channel: string;
  readonly vmId: string | null;
  /** `channel`: the channel belongs to that VM. `label`: the VM ID is the guest's claim, and nothing proves it. */
  readonly vmIdFrom: 'channel' | 'label' | null;
  readonly activationId: string | null;
  readonly edition: string | null;
  readonly exchangeId: string;
  /** The ID of the customer license that an approval stands on; null without one, and for a repeated answer. */
  readonly license: string | null;
  /** What an approval notes: `certificate-in-grace`, `license-in-grace`, `over-limit`. */
  readonly conditions: readonly string[];
  /** True if the request came before, and got the same answer again. */
  readonly repeated: boolean;
  readonly guest: object | null;
}
