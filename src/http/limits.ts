/** The limits of the HTTP server, with their defaults. */
import type { OptionCheck } from '../platform/options.ts'
import { checkInteger } from '../platform/options.ts'

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
  /** How long a client may take no byte of a response: then its connection is closed. */
  readonly sendTimeoutMs: number
}

export const HTTP_DEFAULTS: HttpLimits = {
  httpConnectionsMax: 64,
  headerBytesMax: 8 * 1024,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5000,
  sendTimeoutMs: 10_000,
}

/** Limits of the dashboard of a node; sizes in bytes, times in milliseconds. */
export interface DashboardLimits {
  /** The most pages that receive what happens at the same time; further ones get an error and try again. */
  readonly eventStreamsMax: number
  /** The most bytes that wait for a page that reads slowly; beyond it the stream ends, and the page opens another. */
  readonly eventStreamBytesMax: number
  /** How many of the latest events a page gets when it opens. */
  readonly recentEventsMax: number
  /** How often the pages receive the status of a node. While no page is open, nothing is done. */
  readonly dashboardIntervalMs: number
  /** How many durations are kept between two statuses, for their percentiles. */
  readonly durationsMax: number
}

/** Their checks, by name. */
export const DASHBOARD_CHECKS: Readonly<Record<keyof DashboardLimits, OptionCheck>> = {
  eventStreamsMax: checkInteger(0),
  eventStreamBytesMax: checkInteger(1),
  recentEventsMax: checkInteger(1),
  dashboardIntervalMs: checkInteger(1),
  durationsMax: checkInteger(1),
}

export const DASHBOARD_DEFAULTS: DashboardLimits = {
  eventStreamsMax: 16,
  eventStreamBytesMax: 1024 * 1024,
  recentEventsMax: 200,
  dashboardIntervalMs: 500,
  durationsMax: 2048,
}
