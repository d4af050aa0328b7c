/** Detects calls that a state machine must not make, and reports the call, the command, and what to do instead. */
import { nodeModule } from '../../platform/node-modules.ts'
import type { ForbiddenCall } from './forbidden-calls.ts'
import { forbiddenCalls } from './forbidden-calls.ts'
import { MachineFault } from './machine-fault.ts'

/** The call into the state machine that is being executed. */
export interface GuardedCall {
  /** For example 'apply() of command 3'. */
  readonly description: string
  /** The number of commands that lead to this call; 0 if it is not known. */
  readonly commandCount: number
}

/** Undefined while the machine is not being called: every call is then allowed. */
let currentCall: GuardedCall | undefined
/** The first forbidden call. It is reported even if the machine catches the error thrown at it. */
let firstFault: MachineFault | undefined
let activeGuards = 0
let restoreActions: (() => void)[] = []

/** Replaces the forbidden functions while `work` runs, and restores them afterwards in any case. Guards may overlap. */
export async function withDeterminismGuard<Value>(work: () => Promise<Value>): Promise<Value> {
  if (activeGuards++ === 0) install()
  try {
    return await work()
  } finally {
    if (--activeGuards === 0) uninstall()
  }
}

/** Makes a synchronous call into the machine. Throws a MachineFault if the machine makes a forbidden call. */
export function guardCall<Value>(guarded: GuardedCall, call: () => Value): Value {
  const outer = currentCall
  currentCall = guarded
  let value: Value
  try {
    value = call()
  } catch (thrown) {
    throw takeFirstFault() ?? thrown
  } finally {
    currentCall = outer
  }
  const fault = takeFirstFault()
  if (fault !== undefined) throw fault
  return value
}

/** Makes an asynchronous call into the machine. It is guarded until it first waits for I/O or a timer. */
export async function guardAsyncCall<Value>(guarded: GuardedCall, call: () => Promise<Value>): Promise<Value> {
  // Pending microtasks of other code run first, so that only the machine is guarded.
  await runMicrotasks()
  currentCall = guarded
  const ended = call()
  ended.catch(() => {})
  await runMicrotasks()
  currentCall = undefined
  const fault = takeFirstFault()
  if (fault !== undefined) throw fault
  return ended
}

/** Resolves once all pending microtasks have run, before any timer or I/O callback. */
function runMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve)
  })
}

function takeFirstFault(): MachineFault | undefined {
  const fault = firstFault
  firstFault = undefined
  return fault
}

function install(): void {
  for (const call of forbiddenCalls()) {
    const { owner, name } = call
    const own = Object.getOwnPropertyDescriptor(owner, name)
    if (own === undefined || own.configurable === false) continue
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: own.enumerable ?? false,
      writable: true,
      value: createProxy(call),
    })
    restoreActions.push(() => Object.defineProperty(owner, name, own))
  }
  syncImports()
}

/** Named imports of Node's modules see the replaced functions too. */
function syncImports(): void {
  nodeModule<typeof import('node:module')>('node:module')?.syncBuiltinESMExports()
}

function uninstall(): void {
  for (const restore of restoreActions.toReversed()) restore()
  restoreActions = []
  syncImports()
}

/** A proxy of the function that rejects forbidden calls and otherwise behaves like it. */
function createProxy(call: ForbiddenCall): unknown {
  type Callable = (...args: unknown[]) => unknown
  const real = (call.owner as Record<string, unknown>)[call.name] as Callable
  return new Proxy(real, {
    apply(_, self, args: unknown[]) {
      rejectForbiddenCall(call, args, false)
      return Reflect.apply(real, self, args)
    },
    construct(_, args: unknown[], target) {
      rejectForbiddenCall(call, args, true)
      return Reflect.construct(real, args, target) as object
    },
  })
}

function rejectForbiddenCall(
  { displayName, remedy, isAllowed }: ForbiddenCall,
  args: readonly unknown[],
  isNew: boolean,
): void {
  if (currentCall === undefined || isAllowed?.(args, isNew) === true) return
  const guarded = currentCall
  // Creating the error may itself call guarded functions.
  currentCall = undefined
  const message = `${guarded.description} calls ${displayName}. ${remedy}`
  const fault = new MachineFault('forbidden call', guarded.commandCount, message)
  fault.message += callSiteIn(fault.stack)
  firstFault ??= fault
  currentCall = guarded
  throw fault
}

/** The first line of the stack outside of this file, which is the forbidden call. */
function callSiteIn(stack = ''): string {
  const line = stack.split('\n').find((text) => /^\s+at /.test(text) && !text.includes(import.meta.filename))
  return line === undefined ? '' : `\n  ${line.trim()}`
}
