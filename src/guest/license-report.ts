import type { LicenseStateName } from '../events/guest-event.ts';

/**
 * One product as Windows' licensing service describes it: the fields are those of the WMI class
 * SoftwareLicensingProduct, which slmgr reads. All that slmgr and avma print of a license is printed from these. Times
 * are milliseconds since 1970 UTC; null stands for "not set".
 */
export interface ProductReport {
  readonly name: string;
  readonly description: string;
  readonly activationId: string;
  readonly applicationId: string;
  readonly isAddon: boolean;
  /** As slmgr prints it: `VT:IA`, `Volume:GVLK`, `Volume:MAK`. Empty without a key. */
  readonly productKeyChannel: string;
  readonly extendedPid: string;
  readonly installationId: string;
  /** The key's last five characters; null when no key is installed. */
  readonly partialProductKey: string | null;
  readonly license: LicenseState;
  readonly evaluationEndDate: number | null;
  readonly remainingSkuRearmCount: number;
  readonly remainingAppRearmCount: number;
  /** The trusted time that the license state was derived for; null without a key. */
  readonly trustedTime: number | null;
  readonly virtualMachineActivation: VirtualMachineActivationReport;
  readonly kmsClient: KmsClientReport;
}

/** slmgr's LicenseStatus, the reason for it, and the minutes until it ends. */
export interface LicenseState {
  readonly status: LicenseStatus;
  /** HRESULT; 0 for a state that needs no reason. */
  readonly reason: number;
  /** Whole minutes until the state ends; 0 in a state that does not end by itself. */
  readonly remainingMinutes: number;
}

/** The numbers of SoftwareLicensingProduct.LicenseStatus. */
export const LicenseStatus = {
  unlicensed: 0,
  licensed: 1,
  initialGrace: 2,
  additionalGrace: 3,
  nonGenuineGrace: 4,
  notification: 5,
  extendedGrace: 6,
} as const;
export type LicenseStatus = (typeof LicenseStatus)[keyof typeof LicenseStatus];

const STATE_NAMES: Partial<Record<LicenseStatus, LicenseStateName>> = {
  1: 'licensed',
  2: 'initial-grace',
  3: 'additional-grace',
  5: 'notification',
};

/** The name of a license state in events and in license.json. The two states that never occur here count as none. */
export function licenseStateName(status: LicenseStatus): LicenseStateName {
  return STATE_NAMES[status] ?? 'unlicensed';
}

interface VirtualMachineActivationReport {
  /** The guest's inherited-activation ID, printed as `Guest IAID`. */
  readonly iaid: string | null;
  readonly hostMachineName: string | null;
  readonly activationTime: number | null;
  readonly hostDigitalPid2: string | null;
}

/** Settings of a KMS client. They are stored and shown; no code here speaks to a KMS host. */
export interface KmsClientReport {
  /** 0 all, 1 Active Directory, 2 KMS, 3 token: SoftwareLicensingProduct.VLActivationTypeEnabled. */
  readonly activationTypeEnabled: number;
  readonly machineName: string | null;
  /** 0 when not set; slmgr shows 1688 then. */
  readonly machinePort: number;
  readonly lookupDomain: string | null;
  readonly hostCaching: boolean;
  readonly clientMachineId: string;
}

/** The fields of the WMI class SoftwareLicensingService that slmgr reads. */
export interface ServiceReport {
  /** `Software licensing service version`. */
  readonly version: string;
  readonly remainingWindowsRearmCount: number;
  /** The machine's settings, which apply to every product that has none of its own. */
  readonly kmsClient: KmsClientReport;
}
