/**
 * What the guest's licensing service knows, in the shape in which Windows' does: the fields are those of the WMI
 * classes SoftwareLicensingProduct and SoftwareLicensingService, which slmgr reads. Everything that slmgr and avma
 * print of a licence is printed from these. Times are milliseconds since 1970 UTC; null stands for "not set".
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
  /** The time that the licence state was derived for; null when there is no record of any. */
  readonly trustedTime: number | null;
  readonly virtualMachineActivation: VirtualMachineActivationReport;
  readonly kmsClient: KmsClientReport;
}

/** slmgr's LicenseStatus, the reason for it, and the minutes that are left of it. */
export interface LicenseState {
  readonly status: LicenseStatus;
  /** HRESULT; 0 when there is nothing to explain. */
  readonly reason: number;
  /** Whole minutes until the state ends; 0 in a state that does not end by itself. */
  readonly remainingMinutes: number;
}

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

interface VirtualMachineActivationReport {
  /** The guest's inherited-activation ID, printed as `Guest IAID`. */
  readonly iaid: string | null;
  readonly hostMachineName: string | null;
  readonly activationTime: number | null;
  readonly hostDigitalPid2: string | null;
}

/** Settings of a KMS client. Nothing here speaks to a KMS host: they are kept and shown. */
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

export interface ServiceReport {
  /** `Software licensing service version`. */
  readonly version: string;
  readonly remainingWindowsRearmCount: number;
  /** The machine's own settings: those of every product that has none set for itself. */
  readonly kmsClient: KmsClientReport;
}
