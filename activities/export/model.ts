import { InferenceSession, Tensor } from 'onnxruntime-node';
import { z } from 'zod';

/** How an image becomes the input `images` of an exported model: (pixel - mean) / scale, channels first. */
export const inputConvention = { layout: 'NCHW', color: 'RGB', mean: 127.5, scale: 127.5 } as const;

/** The facts of a model artifact: all that is needed to feed `model.onnx`. */
export const modelFacts = z.object({
  /** Width and height of its images, in pixels. */
  imageSize: z.int().positive(),
  embeddingSize: z.int().positive(),
  /** Size of `model.onnx`. */
  bytes: z.int().positive(),
  input: z.object({
    layout: z.literal('NCHW'),
    color: z.literal('RGB'),
    mean: z.number(),
    scale: z.number().positive(),
  }),
});
export type ModelFacts = z.output<typeof modelFacts>;

/** An exported model, ready to embed batches of any size. */
export class OnnxModel {
  readonly imageSize: number;
  readonly embeddingSize: number;
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession, facts: Pick<ModelFacts, 'imageSize' | 'embeddingSize'>) {
    this.#session = session;
    this.imageSize = facts.imageSize;
    this.embeddingSize = facts.embeddingSize;
  }

  static async open(
    path: string,
    { threads, ...facts }: Pick<ModelFacts, 'imageSize' | 'embeddingSize'> & { threads: number },
  ): Promise<OnnxModel> {
    const session = await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
      // Threads that spin while they wait take the cores from those that decode the next images.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new OnnxModel(session, facts);
  }

  /** `images` is [count, 3, imageSize, imageSize] by the model's convention; gives [count, embeddingSize]. */
  async embed(images: Float32Array): Promise<Float32Array> {
    const { imageSize, embeddingSize } = this;
    const count = images.length / (3 * imageSize * imageSize);
    const input = new Tensor('float32', images, [count, 3, imageSize, imageSize]);
    const { embeddings } = await this.#session.run({ images: input }, ['embeddings']);
    if (!(embeddings?.data instanceof Float32Array) || embeddings.data.length !== count * embeddingSize) {
      throw new Error(
        `the model gives [${embeddings?.dims}] for ${count} images, not [${count},${embeddingSize}]`,
      );
    }
    return embeddings.data;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
