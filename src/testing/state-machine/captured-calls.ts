/**
 * Detects calls of forbidden functions through a reference that was taken before they were replaced, such as `const now = Date.now` at the
 * top of a module. The debugger of V8 stops at the original functions, wherever the reference came from.
 */
import type { Session } from 'node:inspector'
import type { ForbiddenCall } from './forbidden-call.ts'

type AnyFunction = (...args: unknown[]) => unknown
type Inspector = typeof import('node:inspector')

/** A forbidden call, and the original function. */
export interface OriginalCall {
  readonly call: ForbiddenCall
  readonly original: AnyFunction
}

/**
 * The global variable in which the debugger finds the functions to stop at, and calls back. It is looked up in the scope of these functions,
 * where Node.js hides other names, such as `Symbol`.
 */
const HOOK = '__quorateCapturedCalls'

interface Hook {
  /** All functions that have a breakpoint, or are about to get one. */
  readonly originals: readonly AnyFunction[]
  onCall(offset: number, args: ArrayLike<unknown>, self?: unknown): void
}

/**
 * How long the breakpoints are kept, inactive, for the next check, in milliseconds. Setting one at a built-in function searches the heap, so that all
 * of them take seconds in a large process. An inactive one costs its function up to 10 microseconds a call.
 */
const KEPT_MS = 60_000

/** The debugger of this process while it has breakpoints. */
interface Breakpoints {
  readonly session: Session
  readonly originals: AnyFunction[]
  readonly calls: Map<AnyFunction, OriginalCall>
  /** The breakpoints that are set again for each check: at sources that several functions have, and at what Node.js calls all the time. */
  readonly renewed: string[]
  /** The number of checks that watch at present. */
  watchers: number
}

let breakpoints: Breakpoints | undefined
let removal: NodeJS.Timeout | undefined
/** The timers of the process, whatever replaces them during a check. */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/**
 * Calls `onCall` for every call of an original function while `work` runs, calls by other code included. Checks that run at the same time must pass the same
 * `onCall`. Returns undefined, without running `work`, if this process has no debugger or another one is attached.
 */
export async function watchingOriginals<Value>(
  watched: readonly OriginalCall[],
  onCall: (found: OriginalCall, args: readonly unknown[]) => void,
  work: () => Promise<Value>,
): Promise<{ readonly value: Value } | undefined> {
  const inspector: Inspector | undefined = await import('node:inspector').catch(() => undefined)
  if (inspector === undefined || inspector.url() !== undefined) return undefined
  stopTimer(removal)
  breakpoints ??= connect(new inspector.Session())
  const current = breakpoints
  const { session, originals, calls, renewed } = current
  const added = [...new Map(watched.map((each) => [each.original, each])).values()].filter(
    ({ original }) => !calls.has(original),
  )
  for (const each of added) calls.set(each.original, each)
  const first = originals.push(...added.map(({ original }) => original)) - added.length
  const sharedOffsets = withSharedSource(originals)
  const hook: Hook = {
    originals,
    onCall: (offset, args, self) => {
      const found = calls.get((sharedOffsets.has(offset) ? self : originals[offset]) as AnyFunction)
      if (found !== undefined) onCall(found, Array.from(args))
    },
  }
  const realms = new Set([globalThis, ...originals.map(globalOf)].filter((realm) => realm !== undefined))
  for (const realm of realms) Object.defineProperty(realm, HOOK, { configurable: true, value: hook })
  current.watchers++
  try {
    if (added.length > 0 || renewed.length === 0) stopAt(current, first, sharedOffsets)
    session.post('Debugger.setBreakpointsActive', { active: true })
    return { value: await work() }
  } finally {
    if (--current.watchers === 0) {
      session.post('Debugger.setBreakpointsActive', { active: false })
      for (const breakpointId of renewed.splice(0)) session.post('Debugger.removeBreakpoint', { breakpointId })
      for (const realm of realms) Reflect.deleteProperty(realm, HOOK)
      removal = startTimer(removeBreakpoints, KEPT_MS).unref()
    }
  }
}

function connect(session: Session): Breakpoints {
  session.connect()
  session.post('Debugger.enable')
  // The conditions are evaluated all the same. Without this, a `debugger` statement of the user would stop the process.
  session.post('Debugger.setSkipAllPauses', { skip: true })
  return { session, originals: [], calls: new Map(), renewed: [], watchers: 0 }
}

function removeBreakpoints(): void {
  breakpoints?.session.disconnect()
  breakpoints = undefined
}

/** Sets a breakpoint at each original from an offset on, and at those that are set again for each check. */
function stopAt(
  { session, originals, calls, renewed }: Breakpoints,
  first: number,
  sharedOffsets: ReadonlySet<number>,
): void {
  session.post('Runtime.evaluate', { expression: `${HOOK}.originals` }, (_, evaluated) => {
    const objectId = evaluated?.result.objectId as string
    session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_failed, properties) => {
      for (const { name, value } of properties?.result ?? []) {
        const original = originals[Number(name)]
        if (original === undefined) continue
        const isShared = sharedOffsets.has(Number(name))
        const isRenewed = isShared || calls.get(original)?.call.kind === 'timers'
        if (!isRenewed && Number(name) < first) continue
        const own = isShared ? nameIn(sourceOf(original)) : undefined
        const self = own === undefined ? '' : `, typeof ${own} === 'function' ? ${own} : undefined`
        session.post(
          'Debugger.setBreakpointOnFunctionCall',
          {
            objectId: value?.objectId,
            condition: `${HOOK}.onCall(${name}, typeof arguments === 'object' ? arguments : []${self})`,
          },
          (error, breakpoint?: { readonly breakpointId?: string }) => {
            if (isRenewed && error === null && breakpoint?.breakpointId !== undefined)
              renewed.push(breakpoint.breakpointId)
          },
        )
      }
    })
  })
}

/**
 * The offsets of the functions that have the source of another. A breakpoint stops at all functions of one source, such as everything that
 * Node.js wraps to hide its frames: the one that was called says so itself, by the name that it has in its own scope.
 */
function withSharedSource(originals: readonly AnyFunction[]): ReadonlySet<number> {
  const counts = new Map<string, number>()
  for (const each of originals) counts.set(sourceOf(each), (counts.get(sourceOf(each)) ?? 0) + 1)
  const isShared = (source: string): boolean => !source.endsWith('[native code] }') && (counts.get(source) ?? 0) > 1
  return new Set(originals.flatMap((each, offset) => (isShared(sourceOf(each)) ? [offset] : [])))
}

function nameIn(source: string): string | undefined {
  return /^function (\w+)\(/.exec(source)?.[1]
}

function sourceOf(original: AnyFunction): string {
  return Function.prototype.toString.call(original)
}

/** The global object of the realm in which a function was created: a test runner may run tests in a realm of its own. */
function globalOf(original: AnyFunction): object | undefined {
  try {
    return (original.constructor as FunctionConstructor)('return globalThis')() as object
  } catch {
    // Code may not be generated from strings in this process.
    return undefined
  }
}
