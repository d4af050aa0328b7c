/** Resolves on SIGINT, SIGTERM and given events, so that a long-running command can stop. */
import { EXIT } from './exit-codes.ts'

/** Further signals: the terminal was closed, or the parent process has exited. */
export type ExtraSignal = 'SIGHUP' | 'disconnect'

/** The first signal requests a graceful stop; a second one exits the process at once. */
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
    // The parent may have exited while this process was loading.
    if (others.includes('disconnect') && !process.connected) resolve(undefined)
    process.channel?.unref()
  })
}
