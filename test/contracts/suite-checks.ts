/** The checks of a contract suite, taken out of it one by one, to be run without a test runner. */

/** What a suite wants of a test runner. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
}

/** Long enough for every check of a good one in memory, short for one that hangs: that something never ends is no event. */
const DEADLINE_MS = 1000

/** What a suite defines: each check under its group's name and its own, as one sentence. */
export function checksOf(suite: (runner: TestRunner) => void): Map<string, () => Promise<void>> {
  const checks = new Map<string, () => Promise<void>>()
  const groups: string[] = []
  suite({
    describe(name, body) {
      groups.push(name)
      body()
      groups.pop()
    },
    it(name, body) {
      checks.set(`${groups.at(-1)} ${name}`, body)
    },
  })
  return checks
}

/** How a check judges: the error it fails with, or undefined if it is content. One that does not end has failed. */
export async function failureOf(check: () => Promise<void>): Promise<Error | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error(`no end within ${DEADLINE_MS} ms`)), DEADLINE_MS)
  })
  const outcome = check().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  )
  try {
    return await Promise.race([outcome, late])
  } finally {
    clearTimeout(timer)
  }
}
