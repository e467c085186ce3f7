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

/** A machine that is a guest is no KMS host: the value is looked at, as slmgr does, and then goes nowhere. */
function interval(setting: string): Handler {
  return ({ values, print }) => {
    // Windows' answer to a value that is no number is not known; that of a negative one fits both.
    print(/^\+?\d+$/.test((values[0] as string).trim()) ? onlyOnKmsHost(setting) : DATA_INVALID);
  };
}

function refused(setting: string): Handler {
  return ({ print }) => print(onlyOnKmsHost(setting));
}
