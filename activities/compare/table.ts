import type { Average, Row } from './rows.ts';

interface Column {
  title: string;
  align: 'left' | 'right';
  cell(row: Row): string;
}

const columns: Column[] = [
  { title: 'Label', align: 'left', cell: (row) => row.label.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|') },
  { title: 'Accuracy', align: 'right', cell: (row) => averageText(row.accuracy, row.reports) },
  { title: 'EER', align: 'right', cell: (row) => averageText(row.eer, row.reports) },
  { title: 'TAR@FAR 1e-2', align: 'right', cell: (row) => averageText(row.tarAtFar1e2, row.reports) },
  { title: 'Training', align: 'right', cell: (row) => orDash(row.trainingSeconds, durationText) },
  { title: 'Head memory', align: 'right', cell: (row) => orDash(row.headBytes, bytesText) },
];

/** The comparison as Markdown whose columns line up as plain text too. */
export function comparisonTable(rows: Row[], notes: string[]): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map(({ title }, c) =>
    Math.max(title.length, ...cells.map((line) => (line[c] as string).length)),
  );
  const line = (texts: string[]) =>
    `| ${texts.map((text, c) => pad(text, widths[c] as number, columns[c] as Column)).join(' | ')} |`;
  const rule = columns.map(({ align }, c) =>
    align === 'left' ? '-'.repeat(widths[c] as number) : `${'-'.repeat((widths[c] as number) - 1)}:`,
  );
  const table = [line(columns.map(({ title }) => title)), line(rule), ...cells.map(line)];
  return [...table, ...notes.flatMap((note) => ['', note]), ''].join('\n');
}

function pad(text: string, width: number, { align }: Column): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}

function averageText({ mean, std }: Average, reports: number): string {
  return reports === 1 ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${std.toFixed(3)}`;
}

function orDash(value: number | null, text: (value: number) => string): string {
  return value === null ? '–' : text(value);
}

export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
