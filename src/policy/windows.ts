import { compareVersions } from '../schema/version.ts';

/**
 * What Windows' Automatic Virtual Machine Activation allows: which editions may be hosts and guests, and which
 * versions. The protocol itself knows editions and versions only as names and numbers; whatever is Windows' own rule
 * stands here. Source: Microsoft's documentation of AVMA for Windows Server 2012 R2 to 2025.
 */

/** The application that all editions of Windows belong to; slmgr's "Windows products" are those. */
export const WINDOWS_APPLICATION_ID = '55c92734-d682-4d71-983e-d6ec3f16059f';

/** Editions whose hosts may activate guests: Datacenter only, with and without the desktop. */
export const HOST_EDITIONS: readonly string[] = ['ServerDatacenter', 'ServerDatacenterCore'];

/** Windows' editions that a host activates: Standard, Datacenter, Essentials and Datacenter: Azure Edition. */
const GUEST_EDITIONS: readonly string[] = [
  'ServerStandard',
  'ServerStandardCore',
  'ServerDatacenter',
  'ServerDatacenterCore',
  'ServerSolution',
  'ServerSolutionCore',
  'ServerAzureCor',
  'ServerAzureCorCore',
];

/** Windows Server 2012 R2: the first version that can be host or guest. */
export const FIRST_VERSION = '6.3.9600';

/** True if a host with a certificate for this edition may activate guests. */
export function mayActivateGuests(edition: string): boolean {
  return HOST_EDITIONS.includes(edition);
}

/** True for Windows itself. The rules here are for it alone: no other product has to follow them. */
export function isWindowsProduct({ applicationId }: { readonly applicationId: string }): boolean {
  return applicationId === WINDOWS_APPLICATION_ID;
}

/** True if hosts activate this edition of Windows. */
export function isServedEdition(edition: string): boolean {
  return GUEST_EDITIONS.includes(edition);
}

/** True for a version of Windows that is older than AVMA itself. */
export function isTooOld(version: string): boolean {
  return compareVersions(version, FIRST_VERSION) < 0;
}

/** True if the version of Windows is newer than the host's: a host activates versions up to its own. */
export function isTooNew(version: string, hostVersion: string): boolean {
  return compareVersions(version, hostVersion) > 0;
}
