import type { AvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf, formatHresult } from '../../errors/hresult.ts';
import { printable } from '../../schema/printable.ts';
import type { Launcher } from '../launcher.ts';
import { STDERR, writeOutput } from '../terminal.ts';
import { writeJson } from './output.ts';
import { styleFor } from './style.ts';

/** Reports the error that a command of avma ended with: as JSON on stdout, or in words on stderr. */
export async function reportFailure(
  error: AvmaError,
  launcher: Launcher,
  { json }: { readonly json: boolean },
): Promise<void> {
  await (json ? reportJson(error) : explain(error));
  if (error.code === 'internal') await showFault(error, launcher);
}

/** Writes the error for a program that asked for JSON. stderr stays empty. */
function reportJson({ code, hresult, message, hint }: AvmaError): void {
  const exitStatus = exitStatusOf(hresult, process.platform);
  writeJson('avma.error/1', { code, hresult: formatHresult(hresult), message, hint, exitStatus });
}

/** Says on stderr what went wrong and what to do. */
async function explain({ code, hresult, message, hint }: AvmaError): Promise<void> {
  const style = await styleFor(STDERR);
  const codes = style.paint('dim', `[${code}, ${formatHresult(hresult)}]`);
  writeOutput(
    STDERR,
    `${style.paint('bad', 'avma:')} ${printable(message)}. ${codes}\n      ${printable(hint)}\n`,
  );
}

/** Shows the stack on stderr, also beside an error as JSON: without it, nobody could find the mistake in avma. */
async function showFault(error: AvmaError, launcher: Launcher): Promise<void> {
  const { faultReport } = await import('../fault-report.ts');
  writeOutput(STDERR, `${faultReport(error, launcher)}\n`);
}
