import type { ServiceReport } from '../../../guest/license-report.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { isoInstantOrNull } from '../../../schema/format-time.ts';

/**
 * A product under the property names of the WMI class SoftwareLicensingProduct, flat, for tools that know those:
 * numbers are numbers, minutes are minutes, times are ISO 8601, and what Windows leaves empty is null.
 */
export function wmiProduct({ product, report }: DerivedReport): object {
  const { license, virtualMachineActivation, kmsClient } = report;
  return {
    ID: report.activationId,
    ApplicationID: report.applicationId,
    Name: report.name,
    Description: report.description,
    LicenseFamily: product.edition,
    LicenseIsAddon: report.isAddon,
    LicenseStatus: license.status,
    LicenseStatusReason: license.reason,
    GracePeriodRemaining: license.remainingMinutes,
    PartialProductKey: report.partialProductKey,
    ProductKeyChannel: report.productKeyChannel,
    ProductKeyID: report.extendedPid,
    OfflineInstallationId: report.installationId,
    EvaluationEndDate: isoInstantOrNull(report.evaluationEndDate),
    TrustedTime: isoInstantOrNull(report.trustedTime),
    RemainingSkuReArmCount: report.remainingSkuRearmCount,
    RemainingAppReArmCount: report.remainingAppRearmCount,
    IAID: virtualMachineActivation.iaid,
    AutomaticVMActivationHostMachineName: virtualMachineActivation.hostMachineName,
    AutomaticVMActivationLastActivationTime: isoInstantOrNull(virtualMachineActivation.activationTime),
    AutomaticVMActivationHostDigitalPid2: virtualMachineActivation.hostDigitalPid2,
    VLActivationTypeEnabled: kmsClient.activationTypeEnabled,
    KeyManagementServiceMachine: kmsClient.machineName,
    KeyManagementServicePort: kmsClient.machinePort,
    KeyManagementServiceLookupDomain: kmsClient.lookupDomain,
  };
}

/** The service under the property names of the WMI class SoftwareLicensingService. */
export function wmiService({ version, remainingWindowsRearmCount, kmsClient }: ServiceReport): object {
  return {
    Version: version,
    ClientMachineID: kmsClient.clientMachineId,
    RemainingWindowsReArmCount: remainingWindowsRearmCount,
    KeyManagementServiceHostCaching: kmsClient.hostCaching,
  };
}
