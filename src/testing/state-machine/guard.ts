/** Stands at every call that a state machine must not make; says which one it made, at which command, and what to do instead. */
import { syncBuiltinESMExports } from 'node:module'
import type { ForbiddenCall } from './forbidden.ts'
import { forbiddenCalls } from './forbidden.ts'
import { MachineFault } from './machine-fault.ts'

/** What the machine is doing: 'apply() of command 3'. */
export interface Place {
  readonly doing: string
  readonly commands: number
}

/** Undefined while the machine does nothing: then every call goes through. */
let place: Place | undefined
/** The first call that was stopped: also told if the machine catches what is thrown at it. */
let caught: MachineFault | undefined
let guards = 0
let undo: (() => void)[] = []

/** Puts the guard up while `work` is under way, and takes it down in any case. Guards may overlap. */
export async function guarded<Value>(work: () => Promise<Value>): Promise<Value> {
  if (guards++ === 0) putUp()
  try {
    return await work()
  } finally {
    if (--guards === 0) takeDown()
  }
}

/** Lets the machine do one thing that is done when it returns. */
export function watched<Value>(doing: Place, call: () => Value): Value {
  const before = place
  place = doing
  let value: Value
  try {
    value = call()
  } catch (thrown) {
    throw takeCaught() ?? thrown
  } finally {
    place = before
  }
  const fault = takeCaught()
  if (fault !== undefined) throw fault
  return value
}

/** Lets the machine do one thing that it may finish later, and watches until it waits for something outside of it. */
export async function watchedTurn<Value>(doing: Place, call: () => Promise<Value>): Promise<Value> {
  // What else is under way goes first, so that only the machine is seen.
  await turn()
  place = doing
  const ended = call()
  ended.catch(() => {})
  await turn()
  place = undefined
  const fault = takeCaught()
  if (fault !== undefined) throw fault
  return ended
}

/** Until every promise that is settled has gone on; no timer and no input comes in between. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve)
  })
}

function takeCaught(): MachineFault | undefined {
  const fault = caught
  caught = undefined
  return fault
}

function putUp(): void {
  for (const call of forbiddenCalls()) {
    const { owner, name } = call
    const own = Object.getOwnPropertyDescriptor(owner, name)
    if (own === undefined || own.configurable === false) continue
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: own.enumerable ?? false,
      writable: true,
      value: standIn(call),
    })
    undo.push(() => Object.defineProperty(owner, name, own))
  }
  syncBuiltinESMExports()
}

function takeDown(): void {
  for (const one of undo.toReversed()) one()
  undo = []
  syncBuiltinESMExports()
}

/** Like the function itself in all respects, but for one. */
function standIn(call: ForbiddenCall): unknown {
  type Callable = (...args: unknown[]) => unknown
  const real = (call.owner as Record<string, unknown>)[call.name] as Callable
  return new Proxy(real, {
    apply(_, self, args: unknown[]) {
      stop(call, args, false)
      return Reflect.apply(real, self, args)
    },
    construct(_, args: unknown[], target) {
      stop(call, args, true)
      return Reflect.construct(real, args, target) as object
    },
  })
}

function stop({ written, instead, isAllowed }: ForbiddenCall, args: readonly unknown[], isNew: boolean): void {
  if (place === undefined || isAllowed?.(args, isNew) === true) return
  const { doing, commands } = place
  // To write the place down, names are needed that are guarded themselves.
  place = undefined
  const fault = new MachineFault('forbidden call', commands, `${doing} calls ${written}. ${instead}`)
  fault.message += lineOf(fault.stack)
  caught ??= fault
  place = { doing, commands }
  throw fault
}

/** Where it was called: the first line of the stack outside of this file. */
function lineOf(stack = ''): string {
  const line = stack.split('\n').find((text) => /^\s+at /.test(text) && !text.includes(import.meta.filename))
  return line === undefined ? '' : `\n  ${line.trim()}`
}
