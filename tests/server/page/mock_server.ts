// A stand-in for crossrank serve: the page as it is in dist/, with its policy, and answers that a test
// gives. It ranks nothing; its tokens are words, so that a test can count them by hand.
import { readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";

const DIST = new URL("../../../apps/server/web/dist/", import.meta.url);

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** A string is sent as it is, with the type text/html. */
  body: unknown;
  delayMs?: number;
}

export interface Asked {
  path: string;
  // What the page sent, which the tests look into.
  body: any;
  authorization: string | undefined;
}

type Handler = (asked: Asked) => Answer;

export const INFO = {
  model_id: "builtin",
  weights_sha256: "e81a811e8744",
  precision: "fp32",
  max_input_length: 512,
  version: "0.1.0",
  hybrid: false,
};

export class MockServer {
  /** Requests in the order of their arrival, but for the page itself. */
  readonly asked: Asked[] = [];
  private readonly handlers = new Map<string, Handler>();
  private readonly server: http.Server;

  private constructor() {
    this.server = http.createServer((request, response) => void this.answer(request, response));
    this.on("/info", () => ({ body: INFO }));
    this.on("/tokenize", ({ body }) => ({ body: [tokens(body.inputs)] }));
  }

  static async start(): Promise<MockServer> {
    const mock = new MockServer();
    await new Promise<void>((resolve) => mock.server.listen(0, "127.0.0.1", resolve));
    return mock;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  on(path: string, handler: Handler): void {
    this.handlers.set(path, handler);
  }

  /** The bodies that came to a path. */
  bodies(path: string): Asked["body"][] {
    return this.asked.filter((asked) => asked.path === path).map((asked) => asked.body);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> {
    const path = request.url ?? "";
    if (path === "/") {
      // Read for each request: a test may run beside a build.
      response.writeHead(200, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": readFileSync(new URL("csp.txt", DIST), "utf8"),
        "X-Content-Type-Options": "nosniff",
      });
      response.end(readFileSync(new URL("index.html", DIST)));
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const asked: Asked = {
      path,
      body: text === "" ? undefined : JSON.parse(text),
      authorization: request.headers.authorization,
    };
    this.asked.push(asked);
    const handler = this.handlers.get(path) ?? (() => refusal(404, `no route ${path}`));
    const { status = 200, headers = {}, body, delayMs = 0 } = handler(asked);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const type = typeof body === "string" ? "text/html" : "application/json";
    response.writeHead(status, { "Content-Type": type, ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }
}

/** An error as /v1/* gives it. */
export function refusal(status: number, message: string, headers = {}): Answer {
  const error = { message, type: "invalid_request_error", param: null, code: null };
  return { status, headers, body: { error } };
}

/** Words, figures and signs, between the two special tokens of BERT. Offsets in code points. */
export function tokens(text: string) {
  const codePoints = (part: string) => [...part].length;
  const words = [...text.matchAll(/[\p{L}\p{N}]+|[^\s]/gu)].map((match) => {
    const start = codePoints(text.slice(0, match.index));
    const stop = start + codePoints(match[0]);
    return { id: 1000, text: match[0], special: false, start, stop };
  });
  return [
    { id: 101, text: "[CLS]", special: true, start: null, stop: null },
    ...words,
    { id: 102, text: "[SEP]", special: true, start: null, stop: null },
  ];
}

/** One result of /v1/rerank. */
export function result(index: number, logit: number, more: object = {}) {
  return {
    index,
    relevance_score: 1 / (1 + Math.exp(-logit)),
    logit,
    truncated: false,
    truncation: uncut(20),
    ...more,
  };
}

export const uncut = (count: number) => ({
  tokens_total: count,
  tokens_used: count,
  chars_cut: 0,
  query_truncated: false,
  document_truncated: false,
});

export function rerankAnswer(results: object[]): Answer {
  const usage = { prompt_tokens: 1234, total_tokens: 1234 };
  return {
    body: { object: "rerank", id: "rerank-1", created: 0, model: "builtin", usage, results },
  };
}
