/** Tests that take long. `make test-all` runs them, and `make test` only if their file is among its arguments; LONG_TESTS=1 does the same for Mocha. */

const isRun = Boolean(process.env.LONG_TESTS)

/** An `it` for a test that `make test` leaves out. */
export const itLong = (title: string, body: Mocha.AsyncFunc | Mocha.Func): void => {
  if (isRun) it(title, body as Mocha.Func)
}

/** A `describe` for tests that `make test` leaves out. */
export const describeLong = (title: string, body: (this: Mocha.Suite) => void): void => {
  if (isRun) describe(title, body)
}
