// An OpenAI-compatible server whose ratings are fixed: for showing both stages, not for judging.
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface Rating {
  /** Words of the document that is meant. */
  words: string;
  relevance: number;
  reason: string;
}

/** The candidates of the prompt: their labels and texts. */
const CANDIDATE = /^<<<([0-9a-f]{32}) candidate (c\d\d)\n([^]*?)^\1>>>$/gm;

export class StandInJudge {
  /** From now on every request is answered with an error. */
  broken = false;
  private readonly server: http.Server;

  private constructor(private readonly ratings: Rating[]) {
    this.server = http.createServer((request, response) => void this.answer(request, response));
  }

  static async start(ratings: Rating[]): Promise<StandInJudge> {
    const judge = new StandInJudge(ratings);
    await new Promise<void>((resolve) => judge.server.listen(0, "127.0.0.1", resolve));
    return judge;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader("Content-Type", "application/json");
    if (this.broken) {
      response.writeHead(400).end(JSON.stringify({ error: { message: "the stand-in is broken" } }));
      return;
    }
    const { model, messages } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    const prompt: string = messages.at(-1).content;
    const verdict = Object.fromEntries(
      [...prompt.matchAll(CANDIDATE)].map(([, , label, text]) => {
        const rating = this.ratings.find(({ words }) => text?.includes(words));
        return [
          label,
          { relevance: rating?.relevance ?? 0, reason: rating?.reason ?? "Off topic." },
        ];
      }),
    );
    const message = { role: "assistant", content: JSON.stringify(verdict) };
    const usage = { prompt_tokens: 1000, completion_tokens: 200, total_tokens: 1200 };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    response.end(JSON.stringify({ id: "1", object: "chat.completion", model, choices, usage }));
  }
}
