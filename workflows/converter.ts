import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/common';
import { decode } from '@temporalio/common/lib/encoding';

/**
 * What comes in as something else than JSON, typed in Temporal's own UI for one, is taken as the text it is: the
 * run then fails with F2C_START_INVALID. Left alone, it would be stuck, because Temporal tries to read it for ever.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload: <T>(payload: Parameters<PayloadConverter['fromPayload']>[0]): T => {
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch {
      return decode(payload.data ?? new Uint8Array()) as T;
    }
  },
};
