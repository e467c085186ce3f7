import path from 'node:path';
import { type GuestEvent, jsonLinesSink } from '../events/event.ts';
import type { GuestWorld } from '../guest/guest-service.ts';
import { readClock } from '../machine/clock.ts';
import type { Pipe } from '../pipe/pipe.ts';
import { openPipe } from '../pipe/pipe-uri.ts';
import type { PipeWorld } from '../pipe/world.ts';
import { makePrivateFolder } from '../storage/atomic-file.ts';
import { type Launcher, pipeWorld } from './launcher.ts';
import { machineName, packageVersion, type Settings } from './settings.ts';

/** The guest's service over the real machine. */
export function guestWorld(launcher: Launcher, settings: Settings): GuestWorld {
  const version = packageVersion(launcher.packageRoot);
  return {
    stateFolder: settings.stateFolder,
    trustFolders: settings.trustFolders,
    catalogFolders: settings.guestCatalogFolders,
    ownCatalogFolder: settings.ownCatalogFolder,
    configuredVmId: settings.vmId,
    root: '/',
    machineName: machineName(),
    client: `avma ${version}`,
    // slmgr shows four numbers there.
    serviceVersion: `${version.replace(/-.*/, '')}.0`,
    deadline: settings.deadline,
    events: guestEventSink(settings.stateFolder),
    readClock,
    openPipe: () => openConfiguredPipe(settings.pipe, pipeWorld(launcher)),
  };
}

/** `events.jsonl` in the guest's state folder. */
function guestEventFile(stateFolder: string): string {
  return path.join(stateFolder, 'events.jsonl');
}

function guestEventSink(stateFolder: string): GuestWorld['events'] {
  const sink = jsonLinesSink<GuestEvent>(guestEventFile(stateFolder), () => {
    // Nowhere to tell it: the folder that cannot be written is the very thing that the command reports.
  });
  return {
    write(event, now) {
      try {
        makePrivateFolder(stateFolder);
      } catch {
        return;
      }
      sink.write(event, now);
    },
  };
}

/** The pipe that was named, else the one that is there. @throws {AvmaError} `pipe-not-found`. */
async function openConfiguredPipe(uri: string | undefined, world: PipeWorld): Promise<Pipe> {
  if (uri !== undefined) return openPipe(uri, world);
  const { discoverPipe, pipeNotFound } = await import('../pipe/discovery.ts');
  const discovery = discoverPipe(world);
  if (discovery.uri === null) throw pipeNotFound(discovery);
  return openPipe(discovery.uri, world);
}
