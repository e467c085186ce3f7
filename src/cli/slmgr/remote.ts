import { spawn } from 'node:child_process';
import { HRESULT } from '../../errors/hresult.ts';
import { debug } from '../../system/debug.ts';
import type { RemoteLogin } from './command-line.ts';

/** The result of running slmgr on another machine. */
export type RemoteAnswer =
  | { readonly kind: 'answered'; readonly output: Uint8Array; readonly exitStatus: number }
  | { readonly kind: 'no-slmgr' }
  /** `reason` replaces slmgr's text for the HRESULT. */
  | { readonly kind: 'not-connected'; readonly hresult: number; readonly reason?: string };

/** Runs slmgr with these arguments on the machine of the login. Never rejects. */
export type RemoteRunner = (login: RemoteLogin, slmgrArguments: readonly string[]) => Promise<RemoteAnswer>;

/** The command line of ssh, or why ssh is not run. */
export type SshCall =
  | { readonly command: string; readonly args: readonly string[] }
  | { readonly refused: string };

const RPC_SERVER_UNAVAILABLE = HRESULT.RPC_S_SERVER_UNAVAILABLE;
const FILE_NOT_FOUND = HRESULT.ERROR_FILE_NOT_FOUND;
const INVALID_ARGUMENT = HRESULT.E_INVALIDARG;

/** The exit status of ssh when ssh itself failed. */
const SSH_FAILED = 255;
/** Exit statuses of a POSIX shell that cannot run or cannot find the command. */
const SHELL_CANNOT_RUN = [126, 127];

/** A host name or an IP address, in characters that neither ssh nor a shell could take for anything else. */
const MACHINE =
  /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)$/;
const USER = /^[A-Za-z0-9_](?:[A-Za-z0-9._@+\\-]*[A-Za-z0-9_$])?$/;

/** How {@link runOverSsh} runs the ssh client. */
export interface SshOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Drops what ssh itself writes to stderr, which otherwise appears there as it comes. */
  readonly quiet?: boolean;
}

/**
 * Runs slmgr through the system's ssh client, whose configuration, keys and known hosts hold. The client is ended with
 * this process.
 */
export async function runOverSsh(
  login: RemoteLogin,
  slmgrArguments: readonly string[],
  { env = process.env, quiet = false }: SshOptions = {},
): Promise<RemoteAnswer> {
  const call = sshCall(login, slmgrArguments, env);
  if ('refused' in call) return { kind: 'not-connected', hresult: INVALID_ARGUMENT, reason: call.refused };
  debug('ssh', () => `runs ${call.command} ${call.args.join(' ')}`);
  return new Promise((resolve) => {
    const ssh = spawn(call.command, call.args, {
      env,
      stdio: ['ignore', 'pipe', quiet ? 'ignore' : 'inherit'],
    });
    const kill = () => void ssh.kill();
    process.once('exit', kill);
    const chunks: Buffer[] = [];
    ssh.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    ssh.on('error', () =>
      resolve({
        kind: 'not-connected',
        hresult: FILE_NOT_FOUND,
        reason: `${call.command} could not be started: install the OpenSSH client, or name one in AVMA_SSH.`,
      }),
    );
    ssh.on('close', (exitStatus) => {
      process.off('exit', kill);
      const output = Buffer.concat(chunks);
      debug('ssh', () => `ended with ${exitStatus}, ${output.length} bytes on stdout`);
      resolve(answerOf(exitStatus, output));
    });
  });
}

function answerOf(exitStatus: number | null, output: Uint8Array): RemoteAnswer {
  if (exitStatus === null || exitStatus === SSH_FAILED) {
    return { kind: 'not-connected', hresult: RPC_SERVER_UNAVAILABLE };
  }
  if (SHELL_CANNOT_RUN.includes(exitStatus) && output.length === 0) return { kind: 'no-slmgr' };
  return { kind: 'answered', output, exitStatus };
}

/**
 * The ssh command line. `AVMA_SSH` names the client and options of its own (`ssh -F FILE`), `AVMA_REMOTE_SLMGR` what
 * to run on the other machine (`sudo -n slmgr`); both are split at spaces.
 */
export function sshCall(
  { machine, user, password }: RemoteLogin,
  slmgrArguments: readonly string[],
  env: NodeJS.ProcessEnv,
): SshCall {
  if (password !== '') {
    return {
      refused: `A password on a command line can be read by every user of this machine, so none is taken there. Let ${user || 'the user'} log in with an ssh key or an agent, and leave the password empty: slmgr ${machine} ${user || 'USER'} "" OPTION`,
    };
  }
  if (!MACHINE.test(machine)) return { refused: 'This is not the name or the address of a machine.' };
  if (user !== '' && !USER.test(user)) return { refused: `${user} is not the name of a user.` };
  const [command = 'ssh', ...options] = words(env['AVMA_SSH']);
  const remoteCommand = words(env['AVMA_REMOTE_SLMGR']);
  return {
    command,
    args: [
      ...options,
      // ssh takes the first value that it is given for an option, so those of AVMA_SSH win.
      ...['-T', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20'],
      ...(user === '' ? [] : ['-l', user]),
      '--',
      machine,
      [...(remoteCommand.length === 0 ? ['slmgr'] : remoteCommand), ...slmgrArguments].map(quoted).join(' '),
    ],
  };
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/** Quotes one word for a POSIX shell: ssh passes a single string to the login shell of the other machine. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
