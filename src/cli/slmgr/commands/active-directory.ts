import { AvmaError } from '../../../errors/avma-error.ts';
import { HRESULT } from '../../../errors/hresult.ts';
import { NO_ACTIVATION_SCHEMA } from '../messages.ts';
import type { Invocation } from './handler.ts';

const NO_SUCH_DOMAIN = HRESULT.ERROR_NO_SUCH_DOMAIN;

/**
 * /ad-activation-online, /ad-activation-get-iid and /ad-activation-apply-cid. What Windows prints outside a domain is
 * not known. The error is ERROR_NO_SUCH_DOMAIN, so that a script does not take the answer for success.
 */
export function noDomain(): never {
  throw new AvmaError('argument-invalid', 'this machine belongs to no Active Directory domain', {
    hresult: NO_SUCH_DOMAIN,
    hint: 'Activate the machine itself: slmgr /ato.',
  });
}

/** /ao-list and /del-ao */
export function noActivationSchema({ print }: Invocation): void {
  print(NO_ACTIVATION_SCHEMA);
}
