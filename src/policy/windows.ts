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

/** What the rules need to know of a product. */
interface PolicySubject {
  readonly applicationId: string;
  readonly edition: string;
  readonly version: string;
}

/** True if a host with a certificate for this edition may activate guests. */
export function mayActivateGuests(edition: string): boolean {
  return HOST_EDITIONS.includes(edition);
}

/** True if hosts activate this edition. Windows limits its own editions; another vendor's products are all served. */
export function isServedEdition({ applicationId, edition }: PolicySubject): boolean {
  return applicationId !== WINDOWS_APPLICATION_ID || GUEST_EDITIONS.includes(edition);
}

/** True for a version of Windows that is older than AVMA itself. Another vendor's product may have any version. */
export function isTooOld({ applicationId, version }: PolicySubject): boolean {
  return applicationId === WINDOWS_APPLICATION_ID && compareVersions(version, FIRST_VERSION) < 0;
}

/** True if the product's version is newer than the host's: a host activates versions up to its own. */
export function isTooNew({ version }: PolicySubject, hostVersion: string): boolean {
  return compareVersions(version, hostVersion) > 0;
}
