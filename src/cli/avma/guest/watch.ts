import path from 'node:path';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { EventReader } from '../../../events/event-reader.ts';
import type { StoredEvent } from '../../../events/stored-event.ts';
import { agentHolder } from '../../../guest/agent/agent-lock.ts';
import type { GuestService } from '../../../guest/guest-service.ts';
import { LicenseStatus } from '../../../guest/license-report.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { DAY_MS } from '../../../schema/durations.ts';
import { guestEventFile } from '../../guest-event-sink.ts';
import { Screen } from '../../screen.ts';
import { isTerminal, outputIsLost, STDOUT } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { writeData } from '../output.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { formatEvent } from './events-text.ts';
import { FolderChanges } from './folder-changes.ts';
import { describeProduct } from './product-status.ts';
import {
  type WatchedAgent,
  type WatchedProduct,
  type WatchView,
  watchLines,
  watchScreen,
  watchSignature,
} from './watch-view.ts';

/** How often the screen is drawn, in milliseconds: the time that is left is shown to the second near its end. */
const REDRAW_MS = 1000;

/** As many events as a tall terminal has room for. */
const MAX_EVENTS = 100;

/**
 * `avma guest status --watch`: the status as it changes, until ^C. On a terminal it is drawn over and over; elsewhere
 * each change of a license, of the agent, and each event is a line.
 *
 * @throws {AvmaError} what the first look fails with; later ones are shown.
 */
export async function watchGuest(context: Context, service: GuestService): Promise<void> {
  const watch = new Watch(context, service);
  try {
    await untilInterrupted((signal) =>
      isTerminal(STDOUT) ? showScreen(context, watch, signal) : showLines(context, watch, signal),
    );
  } finally {
    watch.close();
  }
}

async function showScreen({ style }: Context, watch: Watch, signal: AbortSignal): Promise<void> {
  let { view } = await watch.look();
  const redraw = () => screen.draw(watchScreen({ ...view, now: Date.now() }, screen.size, style));
  const screen = new Screen(redraw);
  try {
    while (!signal.aborted && !outputIsLost()) {
      redraw();
      await watch.changes.next(REDRAW_MS, signal);
      ({ view } = await watch.look());
    }
  } finally {
    screen.close();
  }
  // What was last known stays on the terminal.
  writeData(watchLines({ ...view, now: Date.now() }).join('\n'));
}

async function showLines({ style }: Context, watch: Watch, signal: AbortSignal): Promise<void> {
  let shown = '';
  for (let isFirst = true; !signal.aborted && !outputIsLost(); isFirst = false) {
    const { view, news } = await watch.look();
    // What happened before somebody watched is what avma guest events is for.
    if (!isFirst) for (const event of news) writeData(formatEvent(event, style));
    const signature = watchSignature(view);
    if (signature !== shown) writeData(watchLines(view).join('\n'));
    shown = signature;
    await watch.changes.next(REDRAW_MS, signal);
  }
}

/** What is watched, and what was seen of it. */
class Watch {
  readonly changes: FolderChanges;
  readonly #service: GuestService;
  readonly #stateFolder: string;
  /** Whether the license is this user's own; the machine's is another's, and so are its events and its agent. */
  readonly #isOwn: boolean;
  readonly #reader: EventReader;
  #products: readonly WatchedProduct[] | undefined;
  #events: readonly StoredEvent[] | undefined = [];

  constructor(context: Context, service: GuestService) {
    const { stateFolder } = context.settings();
    this.#service = service;
    this.#stateFolder = stateFolder;
    this.#isOwn = path.dirname(service.stateFile) === stateFolder;
    this.#reader = new EventReader(guestEventFile(stateFolder));
    this.changes = new FolderChanges(path.dirname(service.stateFile));
  }

  /** How everything stands now, and the events since the last look. */
  async look(): Promise<{ readonly view: WatchView; readonly news: readonly StoredEvent[] }> {
    const problem = await this.#lookAtProducts();
    const news = this.#readEvents();
    const agent = await this.#agent();
    const view = { now: Date.now(), products: this.#products ?? [], agent, events: this.#events, problem };
    return { view, news };
  }

  close(): void {
    this.changes.close();
    this.#reader.close();
  }

  /** Why the products cannot be looked at now; then those seen before are kept. */
  async #lookAtProducts(): Promise<string | null> {
    try {
      const { products, trust } = await this.#service.look();
      this.#products = products
        .filter(({ report }) => report.partialProductKey !== null)
        .map((derived) => ({ ...describeProduct(derived, trust), lasts: durationOf(derived) }));
      return null;
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot look at the license');
      if (error.code === 'internal' || this.#products === undefined) throw error;
      return `${error.message} [${error.code}]`;
    }
  }

  #readEvents(): StoredEvent[] {
    if (!this.#isOwn) {
      this.#events = undefined;
      return [];
    }
    try {
      const news = [...this.#reader.read()].flatMap((line) => (line.kind === 'event' ? [line.event] : []));
      this.#events = [...(this.#events ?? []), ...news].slice(-MAX_EVENTS);
      return news;
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      this.#events = undefined;
      return [];
    }
  }

  async #agent(): Promise<WatchedAgent> {
    if (!this.#isOwn) return undefined;
    try {
      return await agentHolder(this.#stateFolder);
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      return undefined;
    }
  }
}

/** How long the present state of a product lasts in all, in milliseconds; null where it does not end by itself. */
function durationOf({ product, report, verdict }: DerivedReport): number | null {
  switch (report.license.status) {
    case LicenseStatus.licensed: {
      if (verdict === null || verdict.kind === 'rejected') return null;
      const { issuedAt, expiresAt } = verdict.verified.answer;
      return expiresAt - issuedAt;
    }
    case LicenseStatus.initialGrace:
      return product.initialGraceDays * DAY_MS;
    case LicenseStatus.additionalGrace:
      return product.additionalGraceDays * DAY_MS;
    default:
      return null;
  }
}
