import path from 'node:path';
import { Command } from 'commander';
import { runDaemon } from '../../../daemon/run-daemon.ts';
import { serviceManager } from '../../../daemon/systemd-notify.ts';
import { AvmaError } from '../../../errors/avma-error.ts';
import { runAgent, runAgentOnce } from '../../../guest/agent/agent.ts';
import { lockAgent } from '../../../guest/agent/agent-lock.ts';
import type { ProcessLock } from '../../../storage/process-lock.ts';
import { type AgentOptions, agentOnMachine, type RealAgent } from '../../agent-environment.ts';
import { configFileOf } from '../../config-file.ts';
import { setupEnvironment } from '../../setup-environment.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { say, writeJson } from '../output.ts';
import { requireOwnLicense } from './open.ts';

interface AgentFlags {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly pipe?: string;
}

/** `avma guest agent`. */
export function agentCommand(context: Context): Command {
  return new Command('agent')
    .description('Keep this machine activated until stopped by SIGTERM or SIGINT')
    .option('--once', 'look once, activate what is due, and end; for timers')
    .option('--pipe <uri>', 'the pipe to the host (default: AVMA_PIPE, else the first that is found)')
    .option('--json', 'with --once: print the license as JSON')
    .addHelpText(
      'after',
      `
Activates every product with a key at each boot, and renews its lease from half of it on:
every two hours, sooner when its end is near. While a product is not licensed, it is tried again
after 10 seconds, then less and less often: every ten minutes at last while no host answers, and
every two hours after a host has refused. A key that is installed, a changed VM ID, trust anchor
or catalog, a pipe that appears, and a clock that was set are noticed at once, or within ten
minutes. One agent runs for each state folder.

After each change of the license, the programs in /etc/avma/on-change.d get the old and the new
license as JSON. /etc/avma/config.json has more: "agent".

Exit status: 0 when it was stopped; with --once, 0 when every product with a key is licensed, and
${ANSWER_IS_NO} otherwise. 75 when another agent is running.

Examples:
  avma guest agent
  avma guest agent --once
  systemctl enable --now avma-agent`,
    )
    .action((flags: AgentFlags) => {
      requireOwnLicense(context);
      if (flags.once === true) return runOnce(context, flags);
      if (flags.json === true) {
        throw new AvmaError(
          'argument-invalid',
          '--json is for --once: an agent that runs on has nothing to print',
        );
      }
      return keepRunning(context, flags);
    });
}

/** The agent until a signal stops it. It is ended in the middle of what it does: everything it writes is whole. */
async function keepRunning(context: Context, flags: AgentFlags): Promise<void> {
  const stopping = new AbortController();
  const manager = serviceManager(process.env);
  const { signal } = await runDaemon({
    notify: (sentence) => say(sentence),
    survivesFaults: true,
    async start() {
      const { lock, agent } = await startAgent(context, flags, {
        manager,
        stopping: stopping.signal,
        log: say,
      });
      // Programs that start after the agent may ask at once.
      await agent.socket.follow();
      say(`The agent keeps this machine activated (process ${process.pid}).`);
      agent.event({ kind: 'agent-started', message: `the agent started as process ${process.pid}` }, null);
      manager.ready('Looking at the license.');
      void runAgent(agent.environment);
      return {
        async stop() {
          manager.stopping();
          stopping.abort();
          agent.hooks.stop();
          agent.event({ kind: 'agent-stopped', message: 'the agent was stopped' }, null);
          await agent.close();
          lock.release();
        },
      };
    },
  });
  say(`Stopped by ${signal}.`);
  context.abandonWork();
}

async function runOnce(context: Context, flags: AgentFlags): Promise<void> {
  const sentences: string[] = [];
  const { lock, agent } = await startAgent(context, flags, {
    manager: serviceManager({}),
    stopping: new AbortController().signal,
    log: flags.json === true ? (sentence) => void sentences.push(sentence) : say,
  });
  try {
    const summary = await runAgentOnce(agent.environment);
    await agent.hooks.settled();
    // In words, the agent's log has said it.
    if (flags.json === true) writeJson('avma.guest-agent/1', { ...summary, log: sentences });
    if (!summary.licensed) context.setExitStatus(ANSWER_IS_NO);
  } finally {
    await agent.close();
    lock.release();
  }
}

/** @throws {AvmaError} `agent-running`, `config-invalid`, and what the state folder is not accessible by. */
async function startAgent(
  context: Context,
  { pipe }: AgentFlags,
  options: Pick<AgentOptions, 'manager' | 'stopping' | 'log'>,
): Promise<{ lock: ProcessLock; agent: RealAgent }> {
  const settings = () => ({ ...context.settings(), ...(pipe === undefined ? {} : { pipe }) });
  const lock = await lockAgent(settings().stateFolder);
  const agent = agentOnMachine({
    launcher: context.launcher,
    settings,
    lock,
    ...options,
    setupFolders: [path.dirname(configFileOf(process.env))],
    async applySetup() {
      // The readers of XML and YAML are large, and only this and `avma guest apply` need them.
      const { applyGivenSetup } = await import('../../../setup/apply.ts');
      return applyGivenSetup(setupEnvironment(context.launcher));
    },
  });
  return { lock, agent };
}
