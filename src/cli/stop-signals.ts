/** Resolves on SIGINT, SIGTERM and given events, so that a long-running command can stop. */
import { endProcess } from './end-process.ts'

/** Further signals: the terminal was closed, or the parent process has exited. */
export type ExtraSignal = 'SIGHUP' | 'disconnect'

/** The first signal requests a graceful stop; a second one ends the process at once, also if its disk hangs. */
export function stopRequest(others: readonly ExtraSignal[]): Promise<undefined> {
  return new Promise((resolve) => {
    let wasRequested = false
    const on = (signal: 'SIGINT' | 'SIGTERM') => (): void => {
      if (wasRequested) endProcess(signal, `stopped by a second ${signal}`)
      wasRequested = true
      resolve(undefined)
    }
    process.on('SIGINT', on('SIGINT'))
    process.on('SIGTERM', on('SIGTERM'))
    for (const other of others) process.once(other, on('SIGTERM'))
    // The parent may have exited while this process was loading.
    if (others.includes('disconnect') && !process.connected) resolve(undefined)
    process.channel?.unref()
  })
}
