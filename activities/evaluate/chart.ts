/** A logarithmic or linear axis from the first tick to the last. */
export interface Axis {
  title: string;
  scale: 'linear' | 'log';
  ticks: number[];
}

const width = 460;
const height = 340;
const left = 62;
const right = width - 16;
const top = 12;
const bottom = height - 52;

/** One curve as an SVG picture; points beyond the ends of an axis are drawn on its edge. */
export function drawCurve(name: string, x: Axis, y: Axis, points: [number, number][]): string {
  const toX = (value: number) => left + position(x, value) * (right - left);
  const toY = (value: number) => bottom - position(y, value) * (bottom - top);
  const curve = points.map(([px, py]) => `${toX(px).toFixed(1)},${toY(py).toFixed(1)}`).join(' ');
  const columns = x.ticks.map((tick) => {
    const at = toX(tick).toFixed(1);
    return `<path class="grid" d="M${at} ${top}V${bottom}"/><text x="${at}" y="${bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`;
  });
  const rows = y.ticks.map((tick) => {
    const at = toY(tick).toFixed(1);
    return `<path class="grid" d="M${left} ${at}H${right}"/><text x="${left - 8}" y="${at}" dy="0.35em" text-anchor="end">${tickText(tick)}</text>`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}">
${[...columns, ...rows].join('\n')}
<text class="axis" x="${(left + right) / 2}" y="${height - 10}" text-anchor="middle">${x.title}</text>
<text class="axis" transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${y.title}</text>
<polyline class="curve" points="${curve}"/>
</svg>`;
}

/** Powers of ten from at most `smallest` up to 1. */
export function decades(smallest: number): number[] {
  const lowest = Math.min(-1, Math.floor(Math.log10(smallest)));
  return Array.from({ length: 1 - lowest }, (_, i) => Number(`1e${lowest + i}`));
}

/** Where a value lies on an axis, 0 to 1. */
function position({ scale, ticks }: Axis, value: number): number {
  const read = scale === 'log' ? Math.log10 : (plain: number) => plain;
  const low = read(ticks[0] as number);
  const high = read(ticks.at(-1) as number);
  return Math.min(1, Math.max(0, (read(value) - low) / (high - low)));
}

function tickText(tick: number): string {
  return tick > 0 && tick < 0.01 ? tick.toExponential(0) : String(tick);
}
