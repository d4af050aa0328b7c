/** Detects calls that a state machine must not make, and reports the call, the command, and what to do instead. */
import type { AsyncLocalStorage } from 'node:async_hooks'
import { nodeModule } from '../../platform/node-modules.ts'
import { describeCallSite, isInternalCall } from './call-site.ts'
import type { OriginalCall } from './captured-calls.ts'
import type { ForbiddenCall, ForbiddenValue, GuardedKind } from './forbidden-call.ts'
import { forbiddenCalls, forbiddenValues } from './forbidden-calls.ts'
import { MachineFault } from './machine-fault.ts'

type AnyFunction = (...args: unknown[]) => unknown

/** The call into the state machine that is being executed. */
export interface GuardedCall {
  /** For example 'apply() of command 3'. */
  readonly description: string
  /** The number of commands that lead to this call; 0 if it is not known. */
  readonly commandCount: number
}

interface ActiveCall extends GuardedCall {
  /** The first forbidden call. It is reported even if the machine catches the error thrown at it. */
  fault: MachineFault | undefined
}

/** The synchronous call being executed. Undefined while the machine is not being called: every call is then allowed. */
let currentCall: ActiveCall | undefined
/** The asynchronous call that the running code belongs to, however long it waits and whatever runs meanwhile. */
let currentAsyncCall: AsyncLocalStorage<ActiveCall> | undefined
/** The number of asynchronous calls that have not ended. */
let asyncCalls = 0
/** True while a fault is being created, which may itself call guarded functions. */
let isSuspended = false
/** How many guards allow each kind. A guard is installed by the first of them. */
const guards: (readonly GuardedKind[])[] = []
let restoreActions: (() => void)[] = []
let originals: OriginalCall[] = []
/** The original function that is being called by its replacement. */
let accepted: AnyFunction | undefined

/**
 * Replaces the forbidden functions while `work` runs, and restores them afterwards in any case. Guards may overlap: a kind is then allowed
 * that one of them allows.
 */
export async function withDeterminismGuard<Value>(
  work: () => Promise<Value>,
  allow: readonly GuardedKind[] = [],
): Promise<Value> {
  if (guards.length === 0) install()
  guards.push(allow)
  try {
    return await work()
  } finally {
    guards.splice(guards.indexOf(allow), 1)
    if (guards.length === 0) uninstall()
  }
}

/** Makes a synchronous call into the machine. Throws a MachineFault if the machine makes a forbidden call. */
export function guardCall<Value>(guarded: GuardedCall, call: () => Value): Value {
  const outer = currentCall
  const active: ActiveCall = { ...guarded, fault: undefined }
  currentCall = active
  let value: Value
  try {
    value = call()
  } catch (thrown) {
    throw active.fault ?? thrown
  } finally {
    currentCall = outer
  }
  if (active.fault !== undefined) throw active.fault
  return value
}

/** Makes an asynchronous call into the machine. It is guarded to its end. */
export async function guardAsyncCall<Value>(guarded: GuardedCall, call: () => Promise<Value>): Promise<Value> {
  const active: ActiveCall = { ...guarded, fault: undefined }
  asyncCalls++
  try {
    const value = await (currentAsyncCall === undefined ? call() : currentAsyncCall.run(active, call))
    if (active.fault === undefined) return value
  } catch (thrown) {
    throw active.fault ?? thrown
  } finally {
    asyncCalls--
  }
  throw active.fault
}

/** Makes promises fast again after asynchronous calls, until the next one: while these are followed, every promise of the process takes longer. */
export function endAsyncCalls(): void {
  if (asyncCalls === 0) currentAsyncCall?.disable()
}

/** Named imports of Node's modules see the replaced functions too. */
function syncImports(): void {
  nodeModule<typeof import('node:module')>('node:module')?.syncBuiltinESMExports()
}

function install(): void {
  const hooks = nodeModule<typeof import('node:async_hooks')>('node:async_hooks')
  currentAsyncCall ??= hooks === undefined ? undefined : new hooks.AsyncLocalStorage()
  originals = forbiddenCalls().map((call) => ({ call, original: originalOf(call) }))
  for (const { call } of originals) replace(call, { writable: true, value: guardedFunction(call) })
  for (const value of forbiddenValues()) replace(value, guardedValue(value))
  syncImports()
}

function uninstall(): void {
  for (const restore of restoreActions.toReversed()) restore()
  restoreActions = []
  originals = []
  syncImports()
}

function replace({ owner, name }: Pick<ForbiddenCall, 'owner' | 'name'>, by: PropertyDescriptor): void {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  if (own === undefined || own.configurable === false) return
  Object.defineProperty(owner, name, { configurable: true, enumerable: own.enumerable ?? false, ...by })
  restoreActions.push(() => Object.defineProperty(owner, name, own))
}

/** The functions that are replaced while the guard is installed. */
export function originalCalls(): readonly OriginalCall[] {
  return originals
}

function originalOf({ owner, name }: ForbiddenCall): AnyFunction {
  return (owner as Record<string, unknown>)[name] as AnyFunction
}

/** A proxy of the function that rejects forbidden calls and otherwise behaves like it. */
function guardedFunction(call: ForbiddenCall): unknown {
  const real = originalOf(call)
  const handler: ProxyHandler<AnyFunction> = {
    apply(_, self, args: unknown[]) {
      rejectCall(call, args, false, handler.apply as AnyFunction)
      return accepting(real, () => Reflect.apply(real, self, args))
    },
    construct(_, args: unknown[], target) {
      rejectCall(call, args, true, handler.construct as AnyFunction)
      return accepting(real, () => Reflect.construct(real, args, target) as object)
    },
  }
  return new Proxy(real, handler)
}

/** Makes an accepted call of an original function, which is then not taken for a call through a stored reference. */
function accepting<Value>(original: AnyFunction, call: () => Value): Value {
  const outer = accepted
  accepted = original
  try {
    return call()
  } finally {
    accepted = outer
  }
}

/** Keeps a fault if the machine calls an original function, which it must have stored before the guard was installed. */
export function noteCallOfOriginal({ call, original }: OriginalCall, args: readonly unknown[]): void {
  if (accepted === original || call.isAllowed?.(args, true) === true) return
  faultOf(call, `calls ${call.displayName} through a reference that was taken before the check began`, original)
}

/** A property that rejects being read; of an object, its properties do. */
function guardedValue(value: ForbiddenValue): PropertyDescriptor {
  const { owner, name, displayName } = value
  const own = Object.getOwnPropertyDescriptor(owner, name) ?? {}
  if (value.isObject === true) return { writable: true, value: guardedObject(value, own.value as object) }
  let real: unknown = own.value
  const get = function (this: unknown): unknown {
    reject(value, `reads ${displayName}`, get)
    return own.get === undefined ? real : Reflect.apply(own.get, this, [])
  }
  const set = function (this: unknown, given: unknown): void {
    if (own.set === undefined) real = given
    else Reflect.apply(own.set, this, [given])
  }
  return { get, set }
}

function guardedObject(value: ForbiddenValue, real: object): object {
  const { displayName } = value
  const handler: ProxyHandler<object> = {
    get(_, key) {
      if (!isRead(key)) reject(value, `reads ${displayName}.${String(key)}`, handler.get as AnyFunction)
      return Reflect.get(real, key)
    },
    has(_, key) {
      reject(value, `reads ${displayName}.${String(key)}`, handler.has as AnyFunction)
      return Reflect.has(real, key)
    },
    ownKeys() {
      reject(value, `reads ${displayName}`, handler.ownKeys as AnyFunction)
      return Reflect.ownKeys(real)
    },
    set(_, key, given) {
      reject(value, `sets ${displayName}.${String(key)}`, handler.set as AnyFunction)
      return Reflect.set(real, key, given)
    },
  }
  return new Proxy(real, handler)
}

/** Properties that packages read for their own checks, and that nodes of one cluster have in common. */
function isRead(key: string | symbol): boolean {
  return typeof key === 'symbol' || key === 'NODE_ENV'
}

function rejectCall(call: ForbiddenCall, args: readonly unknown[], isNew: boolean, called: AnyFunction): void {
  const variant = call.variant?.(args, isNew)
  if (variant === undefined && call.isAllowed?.(args, isNew) === true) return
  const { kind, remedy, displayName } = variant ?? call
  reject({ kind, remedy }, `calls ${displayName}`, called)
}

/** Throws if the machine is being called. `called` is the function by whose frame the stack shows the caller. */
function reject({ kind, remedy }: Pick<ForbiddenCall, 'kind' | 'remedy'>, what: string, called: AnyFunction): void {
  const fault = faultOf({ kind, remedy }, what, called)
  if (fault !== undefined) throw fault
}

/** The fault if the machine is being called and makes this call. It is also kept, in case the machine catches it. */
function faultOf(
  { kind, remedy }: Pick<ForbiddenCall, 'kind' | 'remedy'>,
  what: string,
  called: AnyFunction,
): MachineFault | undefined {
  if (isSuspended) return undefined
  const active = currentCall ?? currentAsyncCall?.getStore()
  if (active === undefined || guards.some((allow) => allow.includes(kind))) return undefined
  isSuspended = true
  try {
    if (isInternalCall(called)) return undefined
    const message = `${active.description} ${what}. ${remedy}${describeCallSite(called)}`
    const fault = new MachineFault('forbidden call', active.commandCount, message)
    active.fault ??= fault
    return fault
  } finally {
    isSuspended = false
  }
}
