/** The functions and values that a state machine must not use, because they differ between nodes or over time. */
import { nodeModule } from '../../platform/node-modules.ts'
import type { ForbiddenCall, ForbiddenValue, GuardedKind } from './forbidden-call.ts'
import { hostValues, processValues, systemCalls } from './forbidden-system-calls.ts'

const REMEDIES = {
  time: 'Each node applies a command at a different time, and again after a restart: put the time into the command before it is proposed.',
  randomness: 'Each node would get a different value: generate it before you propose, and put it into the command.',
  timers:
    'A timer fires between different commands on each node: do all work at once, and propose a command when the time has come.',
  microtasks: 'It runs after the call has returned, between different commands on each node: do all work at once.',
  garbageCollection:
    "Each node collects garbage at other times: let the state hold what it needs, and let a command delete it. If it only holds a cache, allow it: { allow: ['garbageCollection'] }.",
  locale: `Nodes may run under different locales: pass one ('en'), or compare with < and >.`,
  timeZone: 'Nodes may run in different time zones: use the UTC methods, or toISOString().',
  localTime: 'Nodes may run in different time zones: use Date.UTC(), or a text that ends with Z or an offset.',
} as const

const LOCAL_PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes']
const LOCAL_TEXTS = ['toString', 'toDateString', 'toTimeString', 'getTimezoneOffset', 'getYear']
const FORMATTERS = [
  ...['NumberFormat', 'Collator', 'PluralRules', 'RelativeTimeFormat', 'ListFormat', 'Segmenter', 'DisplayNames'],
  'DurationFormat',
]
/** The prototype of all typed arrays. */
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object
const RANDOM_FUNCTIONS = [
  ...['randomUUID', 'randomBytes', 'pseudoRandomBytes', 'randomInt', 'randomFillSync', 'randomFill', 'getRandomValues'],
  ...['generateKey', 'generateKeySync', 'generateKeyPair', 'generateKeyPairSync', 'generatePrime', 'generatePrimeSync'],
]
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']
const PERFORMANCE_CLOCKS = ['mark', 'measure', 'toJSON', 'eventLoopUtilization']
const TEMPORAL_CLOCKS = [
  'instant',
  'plainDateISO',
  'plainDateTimeISO',
  'plainTimeISO',
  'zonedDateTimeISO',
  'timeZoneId',
]

/** All guarded functions that exist in this version of Node.js, except those of the kinds in `allow`. */
export function forbiddenCalls(allow: readonly GuardedKind[] = []): ForbiddenCall[] {
  const all = [
    ...clockCalls(),
    ...randomCalls(),
    ...timerCalls(),
    ...garbageCalls(),
    ...timeZoneCalls(),
    ...localeCalls(),
  ]
  const seen = new Map<object, Set<string>>()
  return [...all, ...systemCalls()].filter(({ kind, owner, name }) => {
    const names = seen.get(owner) ?? new Set()
    seen.set(owner, names)
    if (allow.includes(kind) || names.has(name)) return false
    names.add(name)
    return typeof Object.getOwnPropertyDescriptor(owner, name)?.value === 'function'
  })
}

/** All guarded properties, except those of the kinds in `allow`. */
export function forbiddenValues(allow: readonly GuardedKind[] = []): ForbiddenValue[] {
  return [...clockValues(), ...processValues(), ...hostValues()].filter(
    ({ kind, owner, name }) => !allow.includes(kind) && Object.hasOwn(owner, name),
  )
}

function clockCalls(): ForbiddenCall[] {
  const [kind, remedy] = ['time', REMEDIES.time] as const
  const temporal = (globalThis as { readonly Temporal?: { readonly Now: object } }).Temporal
  return [
    { kind, owner: Date, name: 'now', displayName: 'Date.now()', remedy },
    {
      ...{ kind, owner: globalThis, name: 'Date', displayName: 'new Date()', remedy },
      isAllowed: (args, isNew) => isNew && args.length > 0,
      variant: (args, isNew) => (isNew && isLocalTime(args) ? LOCAL_DATE : undefined),
    },
    { kind, owner: findPropertyOwner(performance, 'now'), name: 'now', displayName: 'performance.now()', remedy },
    ...PERFORMANCE_CLOCKS.map((name) => ({
      ...{ kind, owner: findPropertyOwner(performance, name), name, displayName: `performance.${name}()`, remedy },
    })),
    { kind, owner: process.hrtime, name: 'bigint', displayName: 'process.hrtime.bigint()', remedy },
    { kind, owner: process, name: 'hrtime', displayName: 'process.hrtime()', remedy },
    { kind, owner: process, name: 'uptime', displayName: 'process.uptime()', remedy },
    ...(temporal === undefined ? [] : TEMPORAL_CLOCKS).map((name) => ({
      ...{ kind, owner: temporal?.Now ?? {}, name, displayName: `Temporal.Now.${name}()`, remedy },
    })),
  ]
}

function clockValues(): ForbiddenValue[] {
  const [kind, remedy] = ['time', REMEDIES.time] as const
  const origin = findPropertyOwner(performance, 'timeOrigin')
  return [
    { kind, owner: origin, name: 'timeOrigin', displayName: 'performance.timeOrigin', remedy },
    { kind, owner: Event.prototype, name: 'timeStamp', displayName: 'timeStamp of an Event', remedy },
  ]
}

function randomCalls(): ForbiddenCall[] {
  const [kind, remedy] = ['randomness', REMEDIES.randomness] as const
  const named = (owner: object, name: string): ForbiddenCall => ({
    ...{ kind, owner, name, displayName: `crypto.${name}()`, remedy },
  })
  const web = ['randomUUID', 'getRandomValues'].map((name) => named(findPropertyOwner(globalThis.crypto, name), name))
  const node = RANDOM_FUNCTIONS.map((name) => named(nodeModule('node:crypto') ?? {}, name))
  const { ECDH, DiffieHellman } = nodeModule<Partial<typeof import('node:crypto')>>('node:crypto') ?? {}
  const keys = [ECDH, DiffieHellman].flatMap((exchange) =>
    exchange === undefined
      ? []
      : [{ kind, owner: exchange.prototype, name: 'generateKeys', displayName: 'generateKeys()', remedy } as const],
  )
  return [{ kind, owner: Math, name: 'random', displayName: 'Math.random()', remedy }, ...web, ...node, ...keys]
}

function timerCalls(): ForbiddenCall[] {
  const kind = 'timers'
  const owners = [globalThis, nodeModule('node:timers') ?? {}, nodeModule('node:timers/promises') ?? {}]
  return [
    ...owners.flatMap((owner) =>
      TIMERS.map((name) => ({ kind, owner, name, displayName: `${name}()`, remedy: REMEDIES.timers }) as const),
    ),
    { kind, owner: AbortSignal, name: 'timeout', displayName: 'AbortSignal.timeout()', remedy: REMEDIES.timers },
    { kind, owner: process, name: 'nextTick', displayName: 'process.nextTick()', remedy: REMEDIES.microtasks },
    { kind, owner: globalThis, name: 'queueMicrotask', displayName: 'queueMicrotask()', remedy: REMEDIES.microtasks },
  ]
}

function garbageCalls(): ForbiddenCall[] {
  const [kind, remedy] = ['garbageCollection', REMEDIES.garbageCollection] as const
  return [
    { kind, owner: globalThis, name: 'FinalizationRegistry', displayName: 'new FinalizationRegistry()', remedy },
    { kind, owner: WeakRef.prototype, name: 'deref', displayName: 'deref() of a WeakRef', remedy },
  ]
}

function timeZoneCalls(): ForbiddenCall[] {
  const names = [...LOCAL_TEXTS, ...LOCAL_PARTS.flatMap((part) => [`get${part}`, `set${part}`])]
  return [
    {
      ...{ kind: 'timeZone', owner: Date, name: 'parse', displayName: 'Date.parse() of a local time' },
      remedy: REMEDIES.localTime,
      isAllowed: (args) => !isLocalTime(args),
    },
    ...names.map((name) => ({
      ...({ kind: 'timeZone', owner: Date.prototype, name, displayName: `${name}() of a Date` } as const),
      remedy: REMEDIES.timeZone,
    })),
  ]
}

const LOCAL_DATE = { kind: 'timeZone', displayName: 'new Date() of a local time', remedy: REMEDIES.localTime } as const
/** The function itself, whatever replaces it during a check. */
const { parse } = Date
const ISO_DATE = /^(?:\d{4}|[+-]\d{6})(?:-\d\d){0,2}$/
const ZONE_AT_END = /(?:Z|GMT|UTC?|[+-]\d\d:?\d\d)(?:\s*\(.*\))?$/i

/** Whether a Date of these arguments depends on the time zone. A text without time is UTC, but only in ISO format. */
function isLocalTime(args: readonly unknown[]): boolean {
  const [text] = args
  if (args.length > 1) return true
  if (typeof text !== 'string' || ISO_DATE.test(text) || ZONE_AT_END.test(text)) return false
  return !Number.isNaN(parse(text))
}

function localeCalls(): ForbiddenCall[] {
  const [kind, remedy] = ['locale', REMEDIES.locale] as const
  // An empty list of locales stands for that of the process.
  const isLocale = (locale: unknown): boolean => locale !== undefined && !(Array.isArray(locale) && locale.length === 0)
  const isNamed = ([locale]: readonly unknown[]): boolean => isLocale(locale)
  const isNamedSecond = ([, locale]: readonly unknown[]): boolean => isLocale(locale)
  const hasZone = ([locale, options]: readonly unknown[]): boolean =>
    isLocale(locale) && (options as { readonly timeZone?: string } | undefined)?.timeZone !== undefined
  const dated = ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']
  return [
    ...[Number, Array, BigInt].map(({ name, prototype }) => ({
      ...{ kind, owner: prototype, name: 'toLocaleString', displayName: `toLocaleString() of ${name}`, remedy },
      isAllowed: isNamed,
    })),
    {
      ...{ kind, owner: TYPED_ARRAY, name: 'toLocaleString', displayName: 'toLocaleString() of a typed array', remedy },
      isAllowed: isNamed,
    },
    ...['toLocaleLowerCase', 'toLocaleUpperCase'].map((name) => ({
      ...{ kind, owner: String.prototype, name, displayName: `${name}()`, remedy },
      isAllowed: isNamed,
    })),
    {
      ...{ kind, owner: String.prototype, name: 'localeCompare', displayName: 'localeCompare()', remedy },
      isAllowed: isNamedSecond,
    },
    ...dated.map((name) => ({
      ...{ kind, owner: Date.prototype, name, displayName: `${name}() of a Date` },
      remedy: `${remedy} ${REMEDIES.timeZone}`,
      isAllowed: hasZone,
    })),
    ...FORMATTERS.map((name) => ({
      ...{ kind, owner: Intl, name, displayName: `Intl.${name}()`, remedy },
      isAllowed: isNamed,
    })),
    {
      ...{ kind, owner: Intl, name: 'DateTimeFormat', displayName: 'Intl.DateTimeFormat()' },
      remedy: `${remedy} Pass the timeZone too.`,
      isAllowed: hasZone,
    },
  ]
}

/** The object on the prototype chain that has the property as its own. */
function findPropertyOwner(object: object, name: string): object {
  let holder: object | null = object
  while (holder !== null && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as object | null
  return holder ?? object
}
