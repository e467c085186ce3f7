import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { callHost, streamHost } from '../../../host/control/call-host.ts';
import { TopFrame } from '../../../host/status/top-frame.ts';
import { pause } from '../../../system/pause.ts';
import { Keys } from '../../keys.ts';
import { Screen } from '../../screen.ts';
import { isTerminal, outputIsLost, STDOUT } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { writeData } from '../output.ts';
import { untilInterrupted } from '../until-interrupted.ts';
import { type TopView, topScreen } from './top-view.ts';

/** How often a host that is gone is looked for, in milliseconds. */
const RETRY_MS = 1000;

/** How many frames are waited for until one has all numbers. */
const MAX_FRAMES = 3;

/** The size of what is printed where there is no terminal. */
const PAPER: Screen['size'] = { columns: 100, rows: 40 };

/** `avma host top`. */
export function topCommand(context: Context): Command {
  return new Command('top')
    .description('Watch a running host: rate, latency, decisions, guests, seats, what happens')
    .addHelpText(
      'after',
      `
Drawn anew each second, until q or ^C. Where the output is no terminal, one picture is printed.
The counts are those since the host was started, a day at most; avma host status has the ledger's.`,
    )
    .action(() => (isTerminal(STDOUT) ? watchHost(context) : printHost(context)));
}

/** @throws {AvmaError} `host-not-running`, `access-denied`. */
async function printHost(context: Context): Promise<void> {
  const asking = new AbortController();
  let frame: TopFrame | undefined;
  let frames = 0;
  for await (const item of streamHost(context.settings().hostFolder, { do: 'top' }, asking.signal)) {
    frame = frameOf(item);
    // A host that was just started counts its guests first.
    if (frame.guests !== null || ++frames === MAX_FRAMES) break;
  }
  if (frame === undefined) return;
  writeData(topScreen({ frame, problem: null }, PAPER, context.style).join('\n'));
}

/** @throws {AvmaError} `host-not-running` where no host runs at first; one that is gone later is waited for. */
async function watchHost({ settings, style }: Context): Promise<void> {
  const { hostFolder } = settings();
  let size = PAPER;
  let view: TopView = { frame: frameOf(await callHost(hostFolder, { do: 'top' })), problem: null };
  await untilInterrupted(async (interrupted) => {
    const keys = new Keys(['q']);
    const signal = AbortSignal.any([interrupted, keys.pressed]);
    const redraw = () => screen.draw(topScreen({ ...view, hint: ', q ends' }, screen.size, style));
    const screen = new Screen(redraw);
    try {
      redraw();
      while (!signal.aborted && !outputIsLost()) {
        const problem = await follow(hostFolder, signal, (frame) => {
          view = { frame, problem: null };
          redraw();
          return !outputIsLost();
        });
        if (problem !== null) view = { ...view, problem };
        redraw();
        await pause(RETRY_MS, signal);
      }
    } finally {
      size = screen.size;
      screen.close();
      keys.close();
    }
  });
  // What was seen last stays on the terminal.
  writeData(topScreen(view, { ...size, rows: size.rows - 1 }, style).join('\n'));
}

/** Takes frames until there are no more. @returns Why. */
async function follow(
  folder: string,
  signal: AbortSignal,
  take: (frame: TopFrame) => boolean,
): Promise<string | null> {
  try {
    for await (const item of streamHost(folder, { do: 'top' }, signal)) if (!take(frameOf(item))) break;
    return null;
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code !== 'host-not-running') throw thrown;
    return 'The host does not run any more: this is how it was. It is waited for.';
  }
}

/** @throws {AvmaError} `argument-invalid` for what a host of another version says. */
function frameOf(item: unknown): TopFrame {
  const frame = TopFrame.safeParse(item);
  if (frame.success) return frame.data;
  throw new AvmaError(
    'argument-invalid',
    'the answer of the running host does not have the form that this command reads',
    {
      hint: 'Host and command are of different versions of avma: restart the host after an update.',
    },
  );
}
