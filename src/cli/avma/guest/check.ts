import { Command } from 'commander';
import { PRODUCT_ARGUMENT } from '../../../catalog/product-name.ts';
import { AvmaError } from '../../../errors/avma-error.ts';
import type { Context } from '../context.ts';
import { answerLicenseQuestion, CANNOT_TELL } from './license-answer.ts';

/** `avma guest check`. Its plain form is answered without this tree of commands: see check-main.ts. */
export function checkCommand(context: Context): Command {
  return new Command('check')
    .description('Say whether a product is licensed now: for programs, scripts and units, of any user')
    .argument('<product>', PRODUCT_ARGUMENT)
    .option(
      '--feature <feature>',
      'that the license must grant: NAME, or NAME>=N, or NAME:N for the same without quotes; may be repeated',
      (feature: string, before: string[]) => [...before, feature],
      [],
    )
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 when the product is licensed, 1 when it is not (a grace is no license), ${CANNOT_TELL} when
that cannot be told. No host is asked: the answer comes from what the last activation left.

With --feature, the license must have that feature too: by its name, whatever its number, or with
at least the number that is asked for. In a shell, ">" needs quotes, and NAME:N means the same.

An ordinary user's answer comes from /run/avma/license.json, which root's commands and the agent
keep. Whatever it says, the host's signature in it, the VM ID and the time are checked anew.

Examples:
  avma guest check ServerStandard && echo licensed
  avma guest check 0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf --json
  avma guest check acme-gateway --feature vpn --feature throughput:10
  ExecCondition=avma guest check MTB6V        # in a systemd unit`,
    )
    .action(async (product: string, { json = false, feature }: { json?: boolean; feature: string[] }) => {
      if (product.trim() === '') throw new AvmaError('argument-invalid', 'the product has no name');
      context.setExitStatus(
        await answerLicenseQuestion(context.launcher, product, { json, features: feature }),
      );
    });
}
