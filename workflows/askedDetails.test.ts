import { expect, it, vi } from 'vitest';
import { interceptors, tellDetails } from './askedDetails.ts';

it('makes no details for the turns of a run that nobody asks about', () => {
  const make = vi.fn(() => '');
  const next = vi.fn();
  tellDetails(make);
  const [{ activate } = {}] = interceptors().internals ?? [];
  activate?.({ activation: { jobs: [{ resolveActivity: {} }] }, batchIndex: 0 }, next);
  expect(next).toHaveBeenCalledOnce();
  expect(make).not.toHaveBeenCalled();
});
