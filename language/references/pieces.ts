/** The parts of a string of `with`: plain text, references and expressions. */
import { type ExpressionText, readExpression } from './expression.ts';
import { forms, type ReferenceFault, type ReferenceText, readReference } from './reference.ts';

export type Piece =
  | { text: string }
  | { reference: ReferenceText }
  | { expression: ExpressionText }
  | { fault: ReferenceFault };

/** Splits a text into its pieces. A text that is one reference alone gives one piece. */
export function splitText(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('${{', at);
    if (open !== at) pieces.push({ text: text.slice(at, open === -1 ? text.length : open) });
    if (open === -1) break;
    const close = endOf(text, open + 3);
    if (close === -1) {
      pieces.push({ fault: { offset: open, length: 3, message: 'This `${{` is never closed by `}}`' } });
      break;
    }
    at = close + 2;
    pieces.push(readPiece(text.slice(open + 3, close), open + 3));
  }
  return pieces.length === 0 ? [{ text }] : pieces;
}

/** Braces inside quotes do not close; where a quote is never closed, the first braces do. */
function endOf(text: string, from: number): number {
  const part = /^(?:[^'"}]|\}(?!\})|'[^']*'|"[^"]*")*/.exec(text.slice(from))?.[0].length ?? 0;
  return text.startsWith('}}', from + part) ? from + part : text.indexOf('}}', from);
}

function readPiece(inside: string, start: number): Piece {
  const written = inside.trim();
  if (written === '') {
    const message = `Empty reference; write ${forms}`;
    return { fault: { offset: start - 3, length: inside.length + 5, message } };
  }
  const offset = start + inside.length - inside.trimStart().length;
  const isReference = /^[A-Za-z*][\w.*-]*$/.test(written) && written !== 'true' && written !== 'false';
  return isReference ? readReference(written, offset) : readExpression(written, offset);
}
