import { DATA_INVALID, onlyOnKmsHost } from '../messages.ts';
import type { Handler } from './handler.ts';

/** /sai */
export const setActivationInterval = interval('Volume activation interval');
/** /sri */
export const setRenewalInterval = interval('Volume renewal interval');
/** /sprt */
export const setPort = refused('KMS port');
/** /sdns and /cdns */
export const setDnsPublishing = refused('DNS Publishing');
/** /spri and /cpri */
export const setPriority = refused('Priority');

/** A guest is never a KMS host: the value is checked, as slmgr does, and not stored. */
function interval(setting: string): Handler {
  return ({ values, print }) => {
    // What Windows prints for a value that is not a number is not known. Its text for negative ones fits.
    print(/^\+?\d+$/.test((values[0] as string).trim()) ? onlyOnKmsHost(setting) : DATA_INVALID);
  };
}

function refused(setting: string): Handler {
  return ({ print }) => print(onlyOnKmsHost(setting));
}
