import path from 'node:path';
import type { ServiceManager } from '../daemon/systemd-notify.ts';
import { AvmaError, FAULT_HEADING, toAvmaError } from '../errors/avma-error.ts';
import type { AgentEnvironment, AgentReport } from '../guest/agent/agent-environment.ts';
import { agentSocketIn } from '../guest/agent/agent-messages.ts';
import { AgentSocket } from '../guest/agent/agent-socket.ts';
import { asSentence } from '../guest/agent/agent-text.ts';
import { FolderWatch } from '../guest/agent/folder-watch.ts';
import { glanceAt } from '../guest/agent/glance.ts';
import { Hooks } from '../guest/agent/hooks.ts';
import { WakeUp } from '../guest/agent/wake-up.ts';
import type { GuestEnvironment } from '../guest/environment.ts';
import { writeAgentEvent } from '../guest/guest-events.ts';
import { openGuestService } from '../guest/guest-service.ts';
import { withoutCommand } from '../guest/license-content.ts';
import { documentFolder } from '../guest/trust/trust-documents.ts';
import type { SetupReport } from '../setup/apply.ts';
import type { ProcessLock } from '../storage/process-lock.ts';
import { currentSettings } from './current-settings.ts';
import { faultReport } from './fault-report.ts';
import { guestEnvironment } from './guest-environment.ts';
import { eventsGoToJournal } from './guest-event-sink.ts';
import type { Launcher } from './launcher.ts';
import { metricsWriter } from './metrics-writer.ts';
import type { Settings } from './settings.ts';
import { appliedEvent, setupProblems } from './setup-events.ts';

/** What the agent on the real machine is made from. */
export interface AgentOptions {
  readonly launcher: Launcher;
  /** Reads the settings anew at each call. @throws {AvmaError} `config-invalid`. */
  settings(): Settings;
  readonly manager: ServiceManager;
  readonly stopping: AbortSignal;
  readonly lock: ProcessLock;
  /** The folders, besides those of the guest, where a given setup or the configuration may change. */
  readonly setupFolders: readonly string[];
  /** @throws {AvmaError} as `applyGivenSetup` does. */
  applySetup(): Promise<SetupReport>;
  log(sentence: string): void;
}

/** The agent over the real machine, and what has to be waited for or ended when it ends. */
export interface RealAgent {
  readonly environment: AgentEnvironment;
  readonly hooks: Hooks;
  /** Not served before it is told to follow. */
  readonly socket: AgentSocket;
  event: AgentReport['event'];
  close(): Promise<void>;
}

/** @throws {AvmaError} `config-invalid`. */
export function agentOnMachine(options: AgentOptions): RealAgent {
  const { log, manager, stopping } = options;
  const settings = currentSettings(options);
  const first = settings();
  const guest = guestEnvironment(options.launcher, first, log);
  const event: AgentReport['event'] = (subject, vmId) =>
    writeAgentEvent({ environment: guest, vmId }, subject);
  const hooks = new Hooks({
    folder: first.agent.hooksFolder,
    env: hookEnv(process.env),
    log,
    failed(error) {
      log(`${asSentence(error.message)} ${error.hint}`);
      event({ kind: 'hook-failed', message: error.message, failure: error }, null);
    },
  });
  const wakeUp = new WakeUp();
  stopping.addEventListener('abort', wakeUp.wake, { once: true });
  const stateFile = path.join(first.stateFolder, 'guest.state');
  const folders = watchedFolders(first, options);
  const watch = watchOf(first, folders, wakeUp.wake);
  const sayings = setupSayings(event, eventsGoToJournal(first.events, process.env));
  let saidOfLock: string | undefined;
  const followLock = () => {
    const problem = options.lock.follow();
    if (problem !== undefined && problem !== saidOfLock) log(problem);
    saidOfLock = problem;
  };
  const openService = () =>
    openGuestService(withSharedEvents(guestEnvironment(options.launcher, settings(), log), guest));
  const fault = (thrown: unknown) => {
    const lines = faultReport(thrown, options.launcher).split('\n');
    for (const line of [FAULT_HEADING, ...lines]) log(line);
  };
  const socket = new AgentSocket({
    runFolder: first.runFolder,
    deadline: first.deadline,
    patience: CLIENT_PATIENCE_MS,
    elapsed: () => performance.now(),
    async attest(request) {
      try {
        return await (await openService()).attest(request);
      } catch (thrown) {
        throw forEverybody(toAvmaError(thrown, 'cannot attest'), settings().pipe);
      }
    },
    log,
    fault,
  });
  const environment: AgentEnvironment = {
    get maxSleep() {
      return settings().agent.maxSleep;
    },
    stopping,
    openService,
    glance() {
      // First: it makes a folder that is gone, so that the folder can be watched.
      followLock();
      watch.refresh();
      void socket.follow();
      const { vmId: configuredVmId, pipe: configuredPipe } = settings();
      return glanceAt({ stateFile, folders, configuredVmId, configuredPipe, root: '/' });
    },
    readClock: guest.readClock,
    elapsed: () => performance.now(),
    random: Math.random,
    sleep: (milliseconds) => wakeUp.sleep(milliseconds),
    applySetup: async () => sayings(await options.applySetup()),
    report: {
      log,
      fault,
      status: (line) => manager.status(line),
      event,
      changed: (before, after) => hooks.changed(before, after),
      looked: metricsWriter(settings, { log, event }),
    },
  };
  const close = () => {
    watch.close();
    return socket.close();
  };
  return { environment, hooks, socket, event, close };
}

/** The folders of files that change what the agent does; the state has a file of its own in one of them. */
function watchedFolders(first: Settings, { setupFolders }: AgentOptions): readonly string[] {
  return [
    ...first.trustFolders,
    documentFolder(first.stateFolder),
    ...first.guestCatalogFolders,
    ...setupFolders,
  ];
}

function watchOf(first: Settings, folders: readonly string[], wake: () => void): FolderWatch {
  const state = ['guest.state', 'trust.d', 'documents', 'catalog.d'];
  const socket = path.basename(agentSocketIn(first.runFolder));
  return new FolderWatch(
    [
      { folder: first.stateFolder, matters: (name) => state.includes(name) },
      { folder: first.runFolder, matters: (name) => name === socket },
      ...folders.map((folder) => ({ folder, matters: (name: string) => !name.endsWith('.tmp') })),
    ],
    wake,
  );
}

/** How long a program at the agent's socket may take to ask, and to read its answer. */
const CLIENT_PATIENCE_MS = 5000;

/** An error as every user may read it: a pipe may be a command that is nobody else's business. */
function forEverybody(error: AvmaError, pipe: string | undefined): AvmaError {
  const message = withoutCommand({ message: error.message, pipe: pipe ?? null });
  const { code, hresult, hint } = error;
  return message === error.message ? error : new AvmaError(code, message, { hresult, hint, cause: error });
}

/** One log for all openings of the service: each of its own would keep its file open. */
function withSharedEvents(environment: GuestEnvironment, { events }: GuestEnvironment): GuestEnvironment {
  return Object.defineProperty(environment, 'events', { value: events });
}

/**
 * What was applied now, in sentences; what could not be is said too, until it changes, and keeps nothing else from
 * being applied. Each is an event as well.
 *
 * @param inJournal - Whether the events are in the journal, as the sentences are: then they are not said twice.
 */
function setupSayings(event: AgentReport['event'], inJournal: boolean): (report: SetupReport) => string[] {
  let said: readonly string[] = [];
  return (report) => {
    const applied = report.values.flatMap((value) => appliedEvent(value) ?? []);
    const problems = setupProblems(report);
    const news = [...applied, ...problems.filter(({ message }) => !said.includes(message))];
    said = problems.map(({ message }) => message);
    for (const one of news) event(one, null);
    return inJournal ? [] : news.map(({ message }) => asSentence(message));
  };
}

/** Hooks get the agent's environment, but not its way to the service manager. */
function hookEnv({ NOTIFY_SOCKET: _socket, CREDENTIALS_DIRECTORY: _folder, ...env }: NodeJS.ProcessEnv) {
  return env;
}
