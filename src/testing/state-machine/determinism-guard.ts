/** Stands at every call that a state machine must not make; says which one it made, at which command, and what to do instead. */
import { syncBuiltinESMExports } from 'node:module'
import type { ForbiddenCall } from './forbidden-calls.ts'
import { forbiddenCalls } from './forbidden-calls.ts'
import { MachineFault } from './machine-fault.ts'

/** What the machine is doing: 'apply() of command 3'. */
export interface GuardedCall {
  readonly doing: string
  readonly commands: number
}

/** Undefined while the machine does nothing: then every call goes through. */
let currentCall: GuardedCall | undefined
/** The first call that was stopped: also told if the machine catches what is thrown at it. */
let firstFault: MachineFault | undefined
let activeGuards = 0
let restoreActions: (() => void)[] = []

/** Puts the guard up while `work` is under way, and takes it down in any case. Guards may overlap. */
export async function withDeterminismGuard<Value>(work: () => Promise<Value>): Promise<Value> {
  if (activeGuards++ === 0) install()
  try {
    return await work()
  } finally {
    if (--activeGuards === 0) uninstall()
  }
}

/** Lets the machine do one thing that is done when it returns. */
export function guardCall<Value>(doing: GuardedCall, call: () => Value): Value {
  const before = currentCall
  currentCall = doing
  let value: Value
  try {
    value = call()
  } catch (thrown) {
    throw takeFirstFault() ?? thrown
  } finally {
    currentCall = before
  }
  const fault = takeFirstFault()
  if (fault !== undefined) throw fault
  return value
}

/** Lets the machine do one thing that it may finish later, and watches until it waits for something outside of it. */
export async function guardAsyncCall<Value>(doing: GuardedCall, call: () => Promise<Value>): Promise<Value> {
  // What else is under way goes first, so that only the machine is seen.
  await runMicrotasks()
  currentCall = doing
  const ended = call()
  ended.catch(() => {})
  await runMicrotasks()
  currentCall = undefined
  const fault = takeFirstFault()
  if (fault !== undefined) throw fault
  return ended
}

/** Until every promise that is settled has gone on; no timer and no input comes in between. */
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
  syncBuiltinESMExports()
}

function uninstall(): void {
  for (const one of restoreActions.toReversed()) one()
  restoreActions = []
  syncBuiltinESMExports()
}

/** Like the function itself in all respects, but for one. */
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
  { written, instead, isAllowed }: ForbiddenCall,
  args: readonly unknown[],
  isNew: boolean,
): void {
  if (currentCall === undefined || isAllowed?.(args, isNew) === true) return
  const { doing, commands } = currentCall
  // To write the place down, names are needed that are guarded themselves.
  currentCall = undefined
  const fault = new MachineFault('forbidden call', commands, `${doing} calls ${written}. ${instead}`)
  fault.message += callSiteIn(fault.stack)
  firstFault ??= fault
  currentCall = { doing, commands }
  throw fault
}

/** Where it was called: the first line of the stack outside of this file. */
function callSiteIn(stack = ''): string {
  const line = stack.split('\n').find((text) => /^\s+at /.test(text) && !text.includes(import.meta.filename))
  return line === undefined ? '' : `\n  ${line.trim()}`
}
