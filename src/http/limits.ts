/** The limits of the HTTP server, with their defaults. */

/** Limits of the HTTP server; sizes in bytes, times in milliseconds. */
export interface HttpLimits {
  /** The most connections at the same time; further ones are closed at once. */
  readonly httpConnectionsMax: number
  /** The most bytes of the line and the headers of a request. */
  readonly headerBytesMax: number
  /** How long a client may take to send the headers. */
  readonly headersTimeoutMs: number
  /** How long a client may take to send a whole request. */
  readonly requestTimeoutMs: number
  /** How long a connection without a request stays open. */
  readonly keepAliveTimeoutMs: number
}

export const HTTP_DEFAULTS: HttpLimits = {
  httpConnectionsMax: 64,
  headerBytesMax: 8 * 1024,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5000,
}
