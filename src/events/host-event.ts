import type { AvmaErrorCode } from '../errors/codes.ts';

/** Event 12310, on the host: one for every request. */
export interface HostEvent {
  readonly eventId: 12310;
  readonly decision: 'approved' | 'refused' | 'fault';
  readonly code: AvmaErrorCode | 'success';
  readonly hresult: string;
  readonly message: string;
  /** Which socket or port the request came in on. */
  readonly channel: string;
  readonly vmId: string | null;
  /** `channel`: the pipe is that VM's own. `label`: the guest says so, and nothing proves it. */
  readonly vmIdFrom: 'channel' | 'label' | null;
  readonly activationId: string | null;
  readonly edition: string | null;
  readonly exchangeId: string;
  /** The same answer as before, to the same bytes. */
  readonly repeated: boolean;
  readonly guest: object | null;
}
