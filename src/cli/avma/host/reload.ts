import { Command } from 'commander';
import * as z from 'zod/mini';
import { AvmaError } from '../../../errors/avma-error.ts';
import { callHost } from '../../../host/control/call-host.ts';
import { printable } from '../../../schema/printable.ts';
import { anyText } from '../../../schema/shapes.ts';
import type { Context } from '../context.ts';
import { writeData, writeJson } from '../output.ts';

/** `avma host reload`. */
export function reloadCommand(context: Context): Command {
  return new Command('reload')
    .description('Have the running host read its configuration, certificates, licenses and catalogs anew')
    .option('--json', 'print what has changed as JSON')
    .addHelpText(
      'after',
      `
Guests lose no exchange. Whatever is wrong keeps what it would have replaced, and the command
ends with the exit status of its error. What counts only after a restart is named.`,
    )
    .action((options: { readonly json?: boolean }) => reload(context, options));
}

const Report = z.strictObject({ changes: z.array(anyText), needsRestart: z.array(anyText) });

/** @throws {AvmaError} What `callHost` throws, and what the host says. */
async function reload(context: Context, { json }: { readonly json?: boolean }): Promise<void> {
  const report = Report.safeParse(await callHost(context.settings().hostFolder, { do: 'reload' })).data;
  if (report === undefined) {
    throw new AvmaError('host-not-running', 'the host that runs is of another version of avma', {
      hint: 'Restart the host: systemctl restart avma-host.',
    });
  }
  if (json === true) return writeJson('avma.host-reload/1', report);
  const { changes, needsRestart } = report;
  const lines = [
    ...(changes.length === 0 ? ['nothing has changed'] : changes),
    ...needsRestart.map((member) => `a change of ${member} counts when the host is started again`),
  ];
  writeData(lines.map((line) => `${printable(line.charAt(0).toUpperCase() + line.slice(1))}.\n`).join(''));
}
