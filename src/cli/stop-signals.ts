/** How a long-running command learns that it is enough. */
import { EXIT } from './exit-codes.ts'

/** What counts beside SIGINT and SIGTERM: the terminal is closed, or the parent process is gone. */
export type OtherSignal = 'SIGHUP' | 'disconnect'

/** The first signal asks for an orderly end; the second ends the process at once. */
export function whenToldToStop(others: readonly OtherSignal[]): Promise<undefined> {
  return new Promise((resolve) => {
    let wasTold = false
    const on = (exitCode: number) => (): void => {
      if (wasTold) process.exit(exitCode)
      wasTold = true
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
