import { distance } from 'fastest-levenshtein';

/** The known name that a mistyped one most likely stands for, if one is close enough. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const typed = name.toLowerCase();
  let best: string | undefined;
  // A third of the letters may be wrong, but not all; case never counts, so that `poolratio` finds `poolRatio`.
  let least = Math.min(Math.max(1, Math.floor(name.length / 3)) + 1, name.length);
  for (const candidate of known) {
    const wrong = mistakes(typed, candidate.toLowerCase());
    if (wrong < least) {
      best = candidate;
      least = wrong;
    }
  }
  return best;
}

/** Edits from one word to the other; two letters that changed places count as one. */
function mistakes(typed: string, meant: string): number {
  const edits = distance(typed, meant);
  return edits === 2 && sortedLetters(typed) === sortedLetters(meant) ? 1 : edits;
}

function sortedLetters(word: string): string {
  return [...word].sort().join('');
}
