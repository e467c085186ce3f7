import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import type { GuestEvent } from '../events/guest-event.ts';
import { jsonLinesSink } from '../events/sinks/json-lines.ts';
import type { GuestEnvironment } from '../guest/environment.ts';
import { readClock } from '../machine/clock.ts';
import type { PipeEnvironment } from '../pipe/environment.ts';
import type { Pipe } from '../pipe/pipe.ts';
import { openPipe } from '../pipe/pipe-uri.ts';
import { makePrivateFolder } from '../storage/atomic-file.ts';
import { type Launcher, pipeEnvironment } from './launcher.ts';
import { machineName, packageVersion, type Settings } from './settings.ts';

/** The guest's service over the real machine. */
export function guestEnvironment(launcher: Launcher, settings: Settings): GuestEnvironment {
  const version = packageVersion(launcher.packageRoot);
  return {
    stateFolder: settings.stateFolder,
    runFolder: settings.runFolder,
    trustFolders: settings.trustFolders,
    catalogFolders: settings.guestCatalogFolders,
    ownCatalogFolder: settings.ownCatalogFolder,
    configuredVmId: settings.vmId,
    root: '/',
    get machineName() {
      return machineName();
    },
    client: `avma ${version}`,
    // slmgr shows four numbers there.
    serviceVersion: `${version.replace(/-.*/, '')}.0`,
    deadline: settings.deadline,
    events: guestEventSink(settings.stateFolder),
    readClock,
    openPipe: () => openConfiguredPipe(settings.pipe, pipeEnvironment(launcher)),
  };
}

/** `events.jsonl` in the guest's state folder. */
function guestEventFile(stateFolder: string): string {
  return path.join(stateFolder, 'events.jsonl');
}

function guestEventSink(stateFolder: string): GuestEnvironment['events'] {
  const sink = jsonLinesSink<GuestEvent>(guestEventFile(stateFolder), () => {
    // Ignored: if the state folder is not writable, the command reports that itself.
  });
  return {
    write(event, now) {
      try {
        makePrivateFolder(stateFolder);
      } catch (thrown) {
        if (thrown instanceof AvmaError) return;
        throw thrown;
      }
      sink.write(event, now);
    },
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
