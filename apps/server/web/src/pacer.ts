// Lets long work on the main thread stop for a moment, so that the page goes on answering.

// Two thirds of a frame at 60 Hz: the rest is left for drawing and typing.
const SLICE_MS = 10;

/** Thrown by rest() when the work is no longer wanted. */
export class Stopped extends Error {}

/** For one piece of work: ask due() often, and await rest() when it says so. */
export class Pacer {
  private until = performance.now() + SLICE_MS;

  constructor(private readonly signal?: AbortSignal) {}

  due(): boolean {
    return performance.now() >= this.until;
  }

  async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.signal?.aborted) throw new Stopped();
    this.until = performance.now() + SLICE_MS;
  }
}
