/** What a terminal showed becomes a picture: colors, columns and times. */
import xterm from '@xterm/headless';
import { describe, expect, test } from 'vitest';
import { readLine, renderStill, renderSvg } from '../../scripts/record/terminal-svg.ts';

async function terminalAfter(text: string) {
  const terminal = new xterm.Terminal({ cols: 40, rows: 5, allowProposedApi: true, convertEol: true });
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  return terminal;
}

describe('a line of a terminal', () => {
  test('is cut where its style changes', async () => {
    const terminal = await terminalAfter('a \x1b[32mgreen\x1b[0m \x1b[1mbold');
    expect(readLine(terminal, 0)).toEqual([
      { column: 0, text: 'a ', cells: 2, style: '' },
      { column: 2, text: 'green', cells: 5, style: 'fill:#56d364' },
      { column: 8, text: 'bold', cells: 4, style: 'font-weight:700' },
    ]);
  });

  test('is what was left of it after it was written over', async () => {
    const terminal = await terminalAfter('waiting ... 2 s\r\x1b[Kdone');
    expect(readLine(terminal, 0).map(({ text }) => text)).toEqual(['done']);
  });

  test('may be of 256 or of 16 million colors', async () => {
    const terminal = await terminalAfter('\x1b[38;5;196mx\x1b[38;5;244my\x1b[38;2;1;2;3mz');
    expect(readLine(terminal, 0).map(({ style }) => style)).toEqual([
      'fill:rgb(255,0,0)',
      'fill:rgb(128,128,128)',
      'fill:#010203',
    ]);
  });
});

describe('the picture', () => {
  const svg = renderSvg({
    title: 'a <title>',
    columns: 40,
    rows: 1,
    lines: [
      { runs: [{ column: 0, text: 'a < b & c', cells: 9, style: '' }], at: 0 },
      { runs: [{ column: 2, text: 'last', cells: 4, style: '' }], at: 2500 },
    ],
    duration: 7500,
  });

  test('says in XML what was on the screen', () => {
    expect(svg).toContain('aria-label="a &lt;title&gt;"');
    expect(svg).toContain('>a &lt; b &amp; c</text>');
  });

  test('shows a line at its time, after the poster', () => {
    expect(svg).toContain('{0%{opacity:1}25%{opacity:0}50%,100%{opacity:1}}');
  });

  test('has scrolled to its last line where nothing moves', () => {
    expect(svg).toContain('.scroll{animation-name:scroll;transform:translateY(-19px)}');
  });
});

test('a still picture has all lines, each at its place, and nothing that moves', () => {
  const run = (text: string) => ({ column: 0, text, cells: text.length, style: '' });
  const svg = renderStill({ title: 'three lines', columns: 40, lines: [[run('first')], [], [run('third')]] });
  expect(svg).not.toContain('animation');
  expect(svg).toContain('<text x="0.0" y="14" textLength="42.0">first</text>');
  expect(svg).toContain('<text x="0.0" y="52" textLength="42.0">third</text>');
});
