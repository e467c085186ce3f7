import { Command } from 'commander';
import type { Context } from '../context.ts';
import { ledgerExportCommand } from './ledger-export.ts';
import { ledgerFoldCommand } from './ledger-fold.ts';
import { ledgerVerifyCommand } from './ledger-verify.ts';

/** `avma host ledger`. */
export function ledgerCommand(context: Context): Command {
  const ledger = new Command('ledger').description(
    'Check the record of all decisions, export it, and fold what is old',
  );
  ledger.addCommand(ledgerVerifyCommand(context));
  ledger.addCommand(ledgerExportCommand(context));
  ledger.addCommand(ledgerFoldCommand(context));
  return ledger;
}
