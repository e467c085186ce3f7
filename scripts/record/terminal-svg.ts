import type { IBufferCell, Terminal } from '@xterm/headless';

/** Some characters of one line in one style. Columns count from 0. */
export interface Run {
  readonly column: number;
  readonly text: string;
  readonly cells: number;
  readonly style: string;
}

/** A line of the recording, and the time in milliseconds at which it is there. */
export interface RecordedLine {
  readonly runs: readonly Run[];
  readonly at: number;
  /** The first columns are typed, one after the other, from `at` on: a command after its prompt. */
  readonly typed?: { readonly from: number; readonly to: number; readonly duration: number };
}

export interface Recording {
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
  readonly lines: readonly RecordedLine[];
  /** In milliseconds, without the poster; then it starts again. */
  readonly duration: number;
}

/** Lines that are shown all at once. */
interface Still {
  readonly title: string;
  readonly columns: number;
  readonly lines: readonly (readonly Run[])[];
}

const CELL_WIDTH = 8.4;
const LINE_HEIGHT = 19;
const FONT_SIZE = 14;
const PADDING = 16;
const TITLE_BAR = 34;

/** The last screen is shown for this long before the recording begins: the picture that a still reader takes. */
const POSTER_MS = 2500;

const COLORS = [
  ...['#484f58', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#b1bac4'],
  ...['#8b949e', '#ffa198', '#7ee787', '#f2cc60', '#a5d6ff', '#e2c5ff', '#b3f0ff', '#ffffff'],
];
const BACKGROUND = '#0d1117';
const FOREGROUND = '#e6edf3';

/** The runs of one line of a terminal's buffer, trailing blanks left out. */
export function readLine(terminal: Terminal, row: number): Run[] {
  const line = terminal.buffer.active.getLine(row);
  if (line === undefined) return [];
  const runs: { column: number; text: string; cells: number; style: string }[] = [];
  const end = line.translateToString(true).length;
  for (let column = 0; column < end; column++) {
    const cell = line.getCell(column);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const style = styleOf(cell);
    const last = runs.at(-1);
    const text = cell.getChars() || ' ';
    if (last !== undefined && last.style === style) {
      last.text += text;
      last.cells += cell.getWidth();
    } else {
      runs.push({ column, text, cells: cell.getWidth(), style });
    }
  }
  return runs.filter(({ text, style }) => text.trim() !== '' || style.includes('underline'));
}

function styleOf(cell: IBufferCell): string {
  const color = colorOf(cell);
  return [
    color === FOREGROUND ? '' : `fill:${color}`,
    cell.isBold() ? 'font-weight:700' : '',
    cell.isDim() ? 'opacity:.65' : '',
    cell.isItalic() ? 'font-style:italic' : '',
    cell.isUnderline() ? 'text-decoration:underline' : '',
  ]
    .filter((part) => part !== '')
    .join(';');
}

function colorOf(cell: IBufferCell): string {
  const color = cell.getFgColor();
  if (cell.isFgRGB()) return `#${color.toString(16).padStart(6, '0')}`;
  if (!cell.isFgPalette()) return FOREGROUND;
  if (color < 16) return COLORS[color] ?? FOREGROUND;
  // The cube of 6 x 6 x 6 colors, then 24 greys.
  if (color >= 232) return `rgb(${Array(3).fill(8 + (color - 232) * 10)})`;
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const index = color - 16;
  return `rgb(${level(Math.floor(index / 36))},${level(Math.floor(index / 6) % 6)},${level(index % 6)})`;
}

/**
 * The recording as one SVG that plays by itself, in a loop, where CSS animations run (in an `<img>` too). Where they do
 * not, or where the reader asks for less motion, it is a picture of the last screen.
 */
export function renderSvg({ title, columns, rows, lines, duration }: Recording): string {
  const total = POSTER_MS + duration;
  const percent = (time: number) => `${+((100 * (POSTER_MS + time)) / total).toFixed(2)}%`;
  const begin = percent(0);

  const styles: string[] = [];
  const classOfTime = new Map<number, string>();
  /** The class of everything that appears at this time. */
  function appearing(at: number): string {
    const known = classOfTime.get(at);
    if (known !== undefined) return known;
    const name = `t${classOfTime.size}`;
    classOfTime.set(at, name);
    styles.push(
      `@keyframes ${name}{0%{opacity:1}${begin}{opacity:0}${percent(at)},100%{opacity:1}}.${name}{animation-name:${name}}`,
    );
    return name;
  }

  const drawn = lines.map(({ runs, at, typed }, row) => {
    const y = row * LINE_HEIGHT;
    const text = runs.map((run) => drawRun(run, y + FONT_SIZE)).join('');
    if (typed === undefined) return text === '' ? '' : `<g class="${appearing(at)}">${text}</g>`;
    const name = `c${row}`;
    const [from, to] = [typed.from * CELL_WIDTH, columns * CELL_WIDTH];
    const travel = `transform:translateX(${((typed.to - typed.from) * CELL_WIDTH).toFixed(1)}px)`;
    const typing = `transform:none;animation-timing-function:steps(${typed.to - typed.from})`;
    styles.push(
      `@keyframes ${name}{0%{${travel}}${begin}{transform:none}${percent(at)}{${typing}}` +
        `${percent(at + typed.duration)},100%{${travel}}}.${name}{animation-name:${name};${travel}}`,
    );
    // A sheet in the color of the background, which moves off what is typed; its left edge is the cursor.
    return (
      `<g class="${appearing(at)}">${text}<g class="${name}">` +
      `<rect class="sheet" x="${from.toFixed(1)}" y="${y}" width="${to.toFixed(1)}" height="${LINE_HEIGHT}"/>` +
      `</g></g>`
    );
  });

  /** By time: of several lines that appear at once the last one counts. */
  const scrolls = new Map<string, string>();
  let offset = 0;
  lines.forEach(({ at }, row) => {
    const needed = Math.max(0, row + 1 - rows) * LINE_HEIGHT;
    if (needed === offset) return;
    offset = needed;
    scrolls.set(percent(at), `transform:translateY(-${offset}px)`);
  });
  const scrollSteps = [...scrolls].map(([at, step]) => `${at}{${step}}`).join('');
  const scrolled = `transform:translateY(-${offset}px)`;
  styles.push(
    `@keyframes scroll{0%{${scrolled}}${begin}{transform:none}${scrollSteps}100%{${scrolled}}}` +
      `.scroll{animation-name:scroll;${scrolled}}`,
  );

  const animation = `@media (prefers-reduced-motion:no-preference){g{animation:${total}ms step-end infinite}}`;
  return drawWindow({
    title,
    columns,
    rows,
    styles: [`.sheet{fill:${BACKGROUND}}`, animation, ...styles],
    content: ['<g class="scroll">', ...drawn.filter((line) => line !== ''), '</g>'],
  });
}

/** Lines of a terminal as a picture in which nothing moves. */
export function renderStill({ title, columns, lines }: Still): string {
  const content = lines.map((runs, row) =>
    runs.map((run) => drawRun(run, row * LINE_HEIGHT + FONT_SIZE)).join(''),
  );
  return drawWindow({
    ...{ title, columns, rows: lines.length, styles: [] },
    content: content.filter((line) => line !== ''),
  });
}

/** A terminal's window around what it shows. */
function drawWindow(window: {
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
  readonly styles: readonly string[];
  readonly content: readonly string[];
}): string {
  const { title, columns, rows, styles, content } = window;
  const width = Math.ceil(columns * CELL_WIDTH + 2 * PADDING);
  const screen = rows * LINE_HEIGHT;
  const height = screen + TITLE_BAR + PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">
<style>
text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:${FOREGROUND};white-space:pre}
${styles.join('\n')}
</style>
<rect width="${width}" height="${height}" rx="10" fill="${BACKGROUND}" stroke="#3d444d"/>
<circle cx="20" cy="17" r="5" fill="#ff5f57"/><circle cx="38" cy="17" r="5" fill="#febc2e"/><circle cx="56" cy="17" r="5" fill="#28c840"/>
<clipPath id="screen"><rect width="${(columns * CELL_WIDTH).toFixed(0)}" height="${screen}"/></clipPath>
<g transform="translate(${PADDING} ${TITLE_BAR})" clip-path="url(#screen)">
${content.join('\n')}
</g>
</svg>
`;
}

function drawRun({ column, text, cells, style }: Run, y: number): string {
  const leading = text.length - text.trimStart().length;
  const shown = text.trim();
  const x = ((column + leading) * CELL_WIDTH).toFixed(1);
  // The length holds the columns, whatever monospaced font the reader has.
  const length = ((cells - (text.length - shown.length)) * CELL_WIDTH).toFixed(1);
  return `<text x="${x}" y="${y}" textLength="${length}"${style === '' ? '' : ` style="${style}"`}>${escapeXml(shown)}</text>`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
