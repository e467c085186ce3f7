import type { ActivationOutcome, AvmaErrorCode } from '../errors/codes.ts';

/** Event 12309, in the guest: how an activation went, or what became of a license. */
export interface GuestEvent {
  readonly eventId: 12309;
  readonly outcome: ActivationOutcome;
  readonly code: AvmaErrorCode | 'success';
  readonly hresult: string;
  readonly message: string;
  readonly trigger: string;
  readonly vmId: string | null;
  readonly activationId: string | null;
  readonly exchangeId: string | null;
  readonly hostName: string | null;
}
