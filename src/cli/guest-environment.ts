import type { GuestEnvironment } from '../guest/environment.ts';
import { readClock } from '../machine/clock.ts';
import type { PipeEnvironment } from '../pipe/environment.ts';
import type { Pipe } from '../pipe/pipe.ts';
import { openPipe } from '../pipe/pipe-uri.ts';
import { guestEventSink } from './guest-event-sink.ts';
import { type Launcher, pipeEnvironment } from './launcher.ts';
import { machineName, packageVersion, type Settings } from './settings.ts';

/**
 * The guest's service over the real machine.
 *
 * @param notify - Hears when events are lost to a log of the system; slmgr has no place to say so.
 */
export function guestEnvironment(
  launcher: Launcher,
  settings: Settings,
  notify: (sentence: string) => void = () => {},
): GuestEnvironment {
  const version = packageVersion(launcher.packageRoot);
  return {
    stateFolder: settings.stateFolder,
    runFolder: settings.runFolder,
    trustFolders: settings.trustFolders,
    catalogFolders: settings.guestCatalogFolders,
    ownCatalogFolder: settings.ownCatalogFolder,
    configuredVmId: settings.vmId,
    vmIdSource: settings.vmIdSource,
    root: '/',
    get machineName() {
      return machineName();
    },
    client: `avma ${version}`,
    // slmgr shows four numbers there.
    serviceVersion: `${version.replace(/-.*/, '')}.0`,
    deadline: settings.deadline,
    followTrustUpdates: settings.followTrustUpdates,
    events: guestEventSink(settings, process.env, notify),
    readClock,
    openPipe: () => openConfiguredPipe(settings.pipe, pipeEnvironment(launcher)),
  };
}

/** The configured pipe, else the first one that is found. @throws {AvmaError} `pipe-not-found`. */
async function openConfiguredPipe(uri: string | undefined, environment: PipeEnvironment): Promise<Pipe> {
  if (uri !== undefined) return openPipe(uri, environment);
  const { discoverPipe, pipeNotFound } = await import('../pipe/discovery.ts');
  const discovery = discoverPipe(environment);
  if (discovery.uri === null) throw pipeNotFound(discovery);
  return openPipe(discovery.uri, environment);
}
