import type { AvmaError } from '../../errors/avma-error.ts';
import { formatHresult } from '../../errors/hresult.ts';

/** A failure inside a report: what happened, its code, and what to do. */
export function errorJson({ code, hresult, message, hint }: AvmaError): object {
  return { code, hresult: formatHresult(hresult), message, hint };
}
