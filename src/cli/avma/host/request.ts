import { Command } from 'commander';
import { requestCertificate } from '../../../host/request-certificate.ts';
import type { Context } from '../context.ts';
import { say, writeData } from '../output.ts';

interface RequestOptions {
  readonly site?: string;
  readonly rotate?: boolean;
}

/** `avma host request`. */
export function requestCommand(context: Context): Command {
  return new Command('request')
    .description('Write a request for a certificate to stdout, as JSON')
    .option('--site <name>', "what you call this host's site (default: as in the present certificate)")
    .option('--rotate', 'request it for new keys; the present ones go on until their certificate ends')
    .addHelpText(
      'after',
      `
The vendor answers with a certificate:
  avma vendor certify request.json --key root.key > certificate.json

With --rotate new keys are made beside the present ones, and used as soon as their certificate
is installed. Run again before that, it requests the same new keys.

Examples:
  avma host request > request.json
  avma host request --rotate > request.json`,
    )
    .action((options: RequestOptions) => request(context, options));
}

async function request(context: Context, { site, rotate = false }: RequestOptions): Promise<void> {
  const folder = context.settings().hostFolder;
  const { envelope, keys } = await requestCertificate({ folder, site, rotate, now: Date.now() });
  writeData(JSON.stringify(envelope, null, 2));
  if (!rotate) return;
  say(
    keys === 'new'
      ? 'New keys were made. The present ones go on until the certificate for the new ones is installed: avma host activate CERTIFICATE.'
      : 'The request is for the keys that were made before and have no certificate yet.',
  );
}
