import { formatHresult, slmgrErrorText } from '../../errors/hresult.ts';

/** `Error: 0xC004F050 The Software Licensing Service ...`: the line for a call that failed. */
export function errorLine(hresult: number): string {
  // A host may refuse with any number. slmgr writes numbers without the top bit in decimal.
  const code = (hresult | 0) < 0 ? formatHresult(hresult) : String(hresult);
  return `Error: ${code} ${slmgrErrorText(hresult)}`;
}

/** The line for a machine that cannot be reached. `text` replaces slmgr's text for the code. */
export function connectionErrorLine(machine: string, hresult: number, text?: string): string {
  return `Error ${formatHresult(hresult)} occurred in connecting to server ${machine}. ${text ?? slmgrErrorText(hresult)}`;
}
