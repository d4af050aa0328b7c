/** Spans around the calls of a node or client. */
import { type Attributes, type Span, SpanKind, SpanStatusCode, type TracerProvider, trace } from '@opentelemetry/api'
import { isRaftError } from '../errors.ts'

export interface SpanOptions {
  /** Default: the global one, as it is at each call. */
  readonly tracerProvider?: TracerProvider | undefined
}

type Call = (...args: unknown[]) => Promise<unknown>

/** A node or a client. */
interface Callee {
  readonly id?: unknown
  proposeWithIndex(command: never, options?: never): Promise<{ readonly index: number; readonly term: number }>
}

const SPAN_NAMES: ReadonlyMap<string | symbol, string> = new Map([
  ['propose', 'raft.propose'],
  ['proposeWithIndex', 'raft.propose'],
  ['read', 'raft.read'],
  ['query', 'raft.query'],
])

/**
 * The same node or client, with a span for each `propose`, `proposeWithIndex`, `read` and `query`. Its parent is the active span of the caller. The span of
 * a proposal has the index and the term of its entry, which are the same on every node. One that fails has the code of the error, and
 * the outcome.
 *
 *     const node = withSpans(await startNode({ … }))
 */
export function withSpans<Target extends Callee>(target: Target, { tracerProvider }: SpanOptions = {}): Target {
  const attributes: Attributes = typeof target.id === 'string' ? { 'raft.node.id': target.id } : {}
  const kind = typeof target.id === 'string' ? SpanKind.INTERNAL : SpanKind.CLIENT
  const inSpan = (name: string, call: (span: Span) => Promise<unknown>): Promise<unknown> =>
    (tracerProvider ?? trace.getTracerProvider())
      .getTracer('quorate')
      .startActiveSpan(name, { kind, attributes }, async (span) => {
        try {
          return await call(span)
        } catch (error) {
          fail(span, error)
          throw error
        } finally {
          span.end()
        }
      })
  const proposeWithIndex = (target.proposeWithIndex as Call).bind(target)
  const propose: Call = (...args) =>
    inSpan('raft.propose', async (span) => {
      const applied = (await proposeWithIndex(...args)) as { readonly index: number; readonly term: number }
      span.setAttributes({ 'raft.log.index': applied.index, 'raft.term': applied.term })
      return applied
    })
  return new Proxy(target, {
    get(_, property) {
      // The methods use private fields, which a proxy does not have.
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      const call = (value as Call).bind(target)
      const name = SPAN_NAMES.get(property)
      if (name === undefined) return call
      if (property === 'proposeWithIndex') return propose
      if (property === 'propose')
        return async (...args: unknown[]) => ((await propose(...args)) as { readonly result: unknown }).result
      return (...args: unknown[]) => inSpan(name, () => call(...args))
    },
  })
}

function fail(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  if (isRaftError(error)) span.setAttributes({ 'error.type': error.code, 'raft.outcome': error.outcome })
  else span.recordException(error instanceof Error ? error : message)
}
