import { type KmsClientReport, LicenseStatus, type ProductReport } from '../../guest/license-report.ts';
import { hostCaching, kmsMachineOverridesDomain } from './messages.ts';

const DEFAULT_KMS_PORT = 1688;

/** Windows' intervals until a KMS host sets others, in minutes. This guest never asks a KMS host. */
const ACTIVATION_INTERVAL_MINUTES = 120;
const RENEWAL_INTERVAL_MINUTES = 10_080;

/** `name:port` of the KMS host that /skms set, or null when it set none. */
export function registeredKmsMachine(
  kms: Pick<KmsClientReport, 'machineName' | 'machinePort'>,
): string | null {
  return kms.machineName ? `${kms.machineName}:${kms.machinePort || DEFAULT_KMS_PORT}` : null;
}

/** The last lines of a KMS client's report. */
export function kmsClientLines(product: ProductReport): string[] {
  const kms = product.kmsClient;
  const type = `Configured Activation Type: ${ACTIVATION_TYPES[kms.activationTypeEnabled] ?? 'All'}`;
  if (product.license.status !== LicenseStatus.licensed) {
    return [
      type,
      'Please use slmgr.vbs /ato to activate and update KMS client information in order to update values.',
    ];
  }
  const machine = registeredKmsMachine(kms);
  return [
    type,
    '',
    'Most recent activation information:',
    'Key Management Service client information',
    `    Client Machine ID (CMID): ${kms.clientMachineId}`,
    ...(kms.lookupDomain ? [`    Registered KMS SRV record lookup domain: ${kms.lookupDomain}`] : []),
    machine === null
      ? '    DNS auto-discovery: KMS name not available'
      : `    Registered KMS machine name: ${machine}`,
    '    KMS machine IP address: not available',
    '    KMS machine extended PID: ',
    `    Activation interval: ${ACTIVATION_INTERVAL_MINUTES} minutes`,
    `    Renewal interval: ${RENEWAL_INTERVAL_MINUTES} minutes`,
    `    ${hostCaching(kms.hostCaching)}`,
    ...(machine !== null && kms.lookupDomain ? ['', kmsMachineOverridesDomain(machine)] : []),
  ];
}

const ACTIVATION_TYPES: Readonly<Record<number, string>> = { 1: 'AD', 2: 'KMS', 3: 'Token' };
