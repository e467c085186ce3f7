import type { ActivationOutcome, AvmaErrorCode } from '../errors/codes.ts';

/** How much a record asks for somebody's attention. */
export type EventLevel = 'information' | 'warning' | 'error';

/** The license state of a product, in the words of license.json and `avma guest status`. */
export type LicenseStateName =
  | 'licensed'
  | 'initial-grace'
  | 'additional-grace'
  | 'notification'
  | 'unlicensed';

/** What a kind of event is: its number in event logs, and the sentence that documents it. */
interface KindEntry {
  readonly eventId: number;
  /** Of an event that reports no error. */
  readonly level: EventLevel;
  /** When such an event is written; docs/guest.md has this sentence. */
  readonly when: string;
}

/**
 * Every kind of event in the guest. 12309 is Windows' number for the outcome of AVMA; the events of the agent, which
 * Windows does not have, are numbered from 1 and come from a source of their own, `avma`.
 */
export const GUEST_EVENT_KINDS = {
  activation: {
    eventId: 12309,
    level: 'information',
    when: 'A product was activated, or an activation failed.',
  },
  'license-changed': {
    eventId: 12309,
    level: 'information',
    when: 'A license ended, is not accepted any more, or holds again.',
  },
  'state-unreadable': { eventId: 12309, level: 'error', when: 'The state file cannot be read.' },
  'agent-started': { eventId: 1, level: 'information', when: 'The agent started.' },
  'agent-stopped': { eventId: 2, level: 'information', when: 'The agent stopped.' },
  'setup-applied': {
    eventId: 3,
    level: 'information',
    when: 'A given setup was applied: key, pipe or trust of an image, an answer file or the hypervisor.',
  },
  'setup-failed': { eventId: 4, level: 'error', when: 'A given setup could not be applied.' },
  'host-changed': {
    eventId: 5,
    level: 'information',
    when: 'Another host than before has activated this machine, as after a live migration.',
  },
  'clock-jumped': {
    eventId: 6,
    level: 'warning',
    when: 'The wall clock was set, or a snapshot was resumed: it moved otherwise than the time since boot.',
  },
  'vm-id-changed': {
    eventId: 7,
    level: 'warning',
    when: 'This machine has another VM ID than before: it is a clone.',
  },
  'hook-failed': {
    eventId: 8,
    level: 'warning',
    when: 'A program of on-change.d failed, took too long, or may not be run.',
  },
  'report-failed': {
    eventId: 9,
    level: 'warning',
    when: 'license.json or the textfile for node_exporter could not be written.',
  },
  'license-noted': {
    eventId: 10,
    level: 'warning',
    when: "A host's certificate or a customer license has come into its renewal grace, or a host licenses more guests than a license counts.",
  },
  'trust-followed': {
    eventId: 11,
    level: 'information',
    when: 'A trust update of a vendor was followed: its roots have changed.',
  },
  'root-retired': {
    eventId: 12,
    level: 'information',
    when: 'A vendor has retired a root: nothing that it has signed counts any more.',
  },
  'revocations-taken': {
    eventId: 13,
    level: 'information',
    when: 'A newer revocation list of a vendor counts from now on.',
  },
  'document-failed': {
    eventId: 14,
    level: 'warning',
    when: 'A trust update or a revocation list that a host announced could not be had, or does not count.',
  },
} as const satisfies Record<string, KindEntry>;

export type GuestEventKind = keyof typeof GUEST_EVENT_KINDS;

/** An event in the guest: event 12309, or one of the agent's. */
export interface GuestEvent {
  readonly eventId: number;
  readonly kind: GuestEventKind;
  /** One of the outcomes that Microsoft documents for event 12309; null for the agent's events. */
  readonly outcome: ActivationOutcome | null;
  readonly code: AvmaErrorCode | 'success';
  readonly hresult: string;
  readonly message: string;
  readonly trigger: string;
  /** The product's license state after what happened; null where no product is meant or its state is unknown. */
  readonly state: LicenseStateName | null;
  readonly vmId: string | null;
  readonly activationId: string | null;
  readonly exchangeId: string | null;
  readonly hostName: string | null;
}
