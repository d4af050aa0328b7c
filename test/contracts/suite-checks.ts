/** Extracts the checks of a contract suite, so that each can be run without a test runner. */

/** The functions of a test runner that a suite uses. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
}

/** Longer than any check of a correct in-memory implementation. A check that hangs is detected only by this timeout. */
const DEADLINE_MS = 1000

/** The checks of a suite, by the sentence of group name and title. */
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

/** The error with which a check fails, or undefined if it passes. A check that does not end fails. */
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
