import * as z from 'zod/mini';
import { anyText, count, hex8, isoTime } from '../../schema/shapes.ts';
import { ShownEvent } from '../shown-events/shown-event.ts';
import { Decisions, GuestCounts } from './host-status.ts';

/** What `avma host top` shows of a host at one moment: the control socket sends one each second. */
export const TopFrame = z.object({
  at: isoTime,
  name: anyText,
  version: anyText,
  /** Of the host. */
  state: anyText,
  remainingMinutes: z.nullable(count),
  since: isoTime,
  /** Answered requests in each of the last seconds, the oldest first; the present one left out. */
  perSecond: z.array(count),
  /** Of the last minute, and of the last hour, in milliseconds; null where nothing was answered. */
  latency: z.object({
    minute: z.nullable(z.object({ p50: z.number(), p99: z.number() })),
    hour: z.nullable(z.object({ p50: z.number(), p99: z.number() })),
  }),
  /** Since the host started, an hour and a day at most. */
  decisions: z.object({ minute: Decisions, hour: Decisions, day: Decisions }),
  /** Null until the ledger was read. */
  guests: z.nullable(GuestCounts),
  channels: z.object({ open: count, named: count, domains: count }),
  seats: z.array(z.object({ licenseId: hex8, product: anyText, taken: count, limit: z.nullable(count) })),
  ledger: z.object({ records: count, ok: z.boolean(), waiting: count }),
  clones: z.array(z.object({ vmId: anyText, places: z.array(anyText) })),
  /** The newest last. */
  events: z.array(ShownEvent),
});
export type TopFrame = z.infer<typeof TopFrame>;

/** How many clones and events one frame has. */
export const MAX_TOP_CLONES = 20;
export const MAX_TOP_EVENTS = 60;
