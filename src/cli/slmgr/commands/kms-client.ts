import { AvmaError } from '../../../errors/avma-error.ts';
import type { KmsClientReport } from '../../../guest/license-report.ts';
import type { LicensingService } from '../../../guest/licensing-service.ts';
import { registeredKmsMachine } from '../kms-client-text.ts';
import { parseKmsMachine } from '../kms-machine.ts';
import {
  ACTIVATION_TYPE_SET,
  activationIdNotFound,
  DATA_INVALID,
  hostCaching,
  KMS_DOMAIN_CLEARED,
  KMS_MACHINE_CLEARED,
  kmsDomainInEffect,
  kmsDomainSet,
  kmsMachineInEffect,
  kmsMachineOverridesDomain,
  kmsMachineSet,
} from '../messages.ts';
import { withActivationId } from '../product-selection.ts';
import type { Invocation } from './handler.ts';

/** /skms */
export async function setKmsMachine(invocation: Invocation): Promise<void> {
  const kms = invocation.values[0] as string;
  const target = await openTarget(invocation, invocation.values[1]);
  if (target === null) return;
  const machine = parseKmsMachine(kms);
  if (machine === null) {
    throw new AvmaError('argument-invalid', `${kms} is no KMS host: write NAME, NAME:PORT or :PORT`);
  }
  await target.service.setKmsClient(target.activationId, machine);
  invocation.print(kmsMachineSet(kms));
  if (target.settings.lookupDomain) invocation.print(kmsMachineOverridesDomain(kms));
}

/** /ckms */
export async function clearKmsMachine(invocation: Invocation): Promise<void> {
  const target = await openTarget(invocation, invocation.values[0]);
  if (target === null) return;
  await target.service.setKmsClient(target.activationId, { machineName: null, machinePort: 0 });
  invocation.print(KMS_MACHINE_CLEARED);
  const { lookupDomain } = target.settings;
  if (lookupDomain) invocation.print(kmsDomainInEffect(lookupDomain));
}

/** /skms-domain */
export async function setKmsDomain(invocation: Invocation): Promise<void> {
  const lookupDomain = invocation.values[0] as string;
  const target = await openTarget(invocation, invocation.values[1]);
  if (target === null) return;
  await target.service.setKmsClient(target.activationId, { lookupDomain });
  invocation.print(kmsDomainSet(lookupDomain));
  const machine = registeredKmsMachine(target.settings);
  if (machine !== null) invocation.print(kmsMachineOverridesDomain(machine));
}

/** /ckms-domain */
export async function clearKmsDomain(invocation: Invocation): Promise<void> {
  const target = await openTarget(invocation, invocation.values[0]);
  if (target === null) return;
  await target.service.setKmsClient(target.activationId, { lookupDomain: null });
  invocation.print(KMS_DOMAIN_CLEARED);
  const machine = registeredKmsMachine(target.settings);
  if (machine !== null) invocation.print(kmsMachineInEffect(machine));
}

/** /skhc */
export function enableHostCaching(invocation: Invocation): Promise<void> {
  return setHostCaching(invocation, true);
}

/** /ckhc */
export function disableHostCaching(invocation: Invocation): Promise<void> {
  return setHostCaching(invocation, false);
}

async function setHostCaching({ openService, print }: Invocation, enabled: boolean): Promise<void> {
  await (await openService()).setKmsClient(null, { hostCaching: enabled });
  print(hostCaching(enabled));
}

/** /act-type; no value allows every type. */
export async function setActivationType(invocation: Invocation): Promise<void> {
  const [type = '0', activationId] = invocation.values;
  // What Windows prints for a value that is not a number is not known. Its text for one out of range fits.
  if (!/^[0-3]$/.test(type)) return invocation.print(DATA_INVALID);
  const target = await openTarget(invocation, activationId);
  if (target === null) return;
  await target.service.setKmsClient(target.activationId, { activationTypeEnabled: Number(type) });
  invocation.print(ACTIVATION_TYPE_SET);
}

interface Target {
  readonly service: LicensingService;
  /** Null for the machine's settings, which hold for every product without settings of its own. */
  readonly activationId: string | null;
  readonly settings: KmsClientReport;
}

/** The product or the machine whose settings change. Prints the error and returns null for an unknown Activation ID. */
async function openTarget(
  { openService, print }: Invocation,
  activationId: string | undefined,
): Promise<Target | null> {
  const service = await openService();
  if (!activationId) return { service, activationId: null, settings: service.service().kmsClient };
  const product = withActivationId(await service.products(), activationId);
  if (product === undefined) {
    print(activationIdNotFound(activationId.toLowerCase()));
    return null;
  }
  return { service, activationId: product.activationId, settings: product.kmsClient };
}
