/** How a long-running command learns that it is enough. */
import { EXIT } from './exit-codes.ts'

/** What counts beside SIGINT and SIGTERM: the terminal is closed, or the parent process is gone. */
export type ExtraSignal = 'SIGHUP' | 'disconnect'

/** The first signal asks for an orderly end; the second ends the process at once. */
export function stopRequest(others: readonly ExtraSignal[]): Promise<undefined> {
  return new Promise((resolve) => {
    let wasRequested = false
    const on = (exitCode: number) => (): void => {
      if (wasRequested) process.exit(exitCode)
      wasRequested = true
      resolve(undefined)
    }
    process.on('SIGINT', on(EXIT.interrupted))
    process.on('SIGTERM', on(EXIT.terminated))
    for (const other of others) process.once(other, on(EXIT.terminated))
    // The parent may have gone while this process was still loading.
    if (others.includes('disconnect') && !process.connected) resolve(undefined)
    process.channel?.unref()
  })
}
