import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { isoInstant } from '../../schema/format-time.ts';
import { anyText, isoTime, uuid } from '../../schema/shapes.ts';
import { pause } from '../../system/pause.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { RunningPresence } from '../presence/open-presence.ts';
import { ShownEvent } from '../shown-events/shown-event.ts';
import type { RunningStatus } from './running-status.ts';

/** How often `avma host top` gets a frame, in milliseconds. */
const FRAME_MS = 1000;

/** How many present VMs one line of an answer has. */
const BATCH = 500;

/** A VM that is present, and where: what a ledger does not know. */
export const PresentGuest = z.object({
  vmId: uuid,
  clone: z.boolean(),
  places: z.array(z.object({ channel: anyText, domain: z.nullable(anyText), since: isoTime })),
});
export type PresentGuest = z.infer<typeof PresentGuest>;

/** An item of the answer to `guests`. */
export const PresentGuests = z.array(PresentGuest);

/** An item of the answer to `events`: first those that happened and are in no ledger, then each as it happens. */
export const EventsItem = z.union([
  z.object({ before: z.array(ShownEvent) }),
  z.object({ event: ShownEvent }),
  z.object({ leftOut: z.number() }),
]);

/** What a running host answers about itself: `status`, `guests`, `events`, `top`. */
export function statusHandlers(status: RunningStatus, presence: RunningPresence): ControlHandlers {
  return {
    status: (args) => {
      refuseArguments(args);
      return status.status();
    },
    guests: (args) => {
      refuseArguments(args);
      return presentGuests(presence);
    },
    events: (args, signal) => {
      refuseArguments(args);
      return events(status, signal);
    },
    top: (args, signal) => {
      refuseArguments(args);
      return frames(status, signal);
    },
  };
}

/** @throws {AvmaError} `argument-invalid`. */
function refuseArguments(args: object): void {
  if (Object.keys(args).length > 0)
    throw new AvmaError('argument-invalid', 'the question takes no arguments');
}

async function* presentGuests({ presence, clones }: RunningPresence): AsyncGenerator<PresentGuest[]> {
  let batch: PresentGuest[] = [];
  // What is present changes while a client reads: the list is that of one moment.
  const present = [...presence.all()];
  for (const { vmId, places } of present) {
    batch.push({
      vmId,
      clone: clones.has(vmId),
      places: places.map(({ channel, domain, since }) => ({ channel, domain, since: isoInstant(since) })),
    });
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

async function* events({ events: live }: RunningStatus, signal: AbortSignal): AsyncGenerator<object> {
  const following = live.follow(signal);
  // The ledger has the others, and more of them.
  yield { before: live.newest(Number.POSITIVE_INFINITY).filter(({ seq }) => seq === null) };
  yield* following;
}

async function* frames(status: RunningStatus, signal: AbortSignal): AsyncGenerator<object> {
  while (!signal.aborted) {
    yield status.top();
    await pause(FRAME_MS, signal);
  }
}
