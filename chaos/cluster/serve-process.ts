/** Runs the built `quorate serve` as a child process that logs to a file and ends with this process. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { ProcessExit, ServeProcess } from './process-cluster.ts'

const children = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts `command`, a JavaScript file, and appends its standard error to `logFile`. */
export function startServeProcess(
  command: string,
  args: readonly string[],
  logFile: string,
): ServeProcess<ProcessExit> {
  const log = openSync(logFile, 'a')
  // Its own process group, so that Ctrl-C in the terminal does not reach it; and an IPC channel, so that it ends with this process.
  const child = spawn(process.execPath, [command, ...args, '--supervised'], {
    stdio: ['ignore', 'ignore', log, 'ipc'],
    detached: true,
  })
  closeSync(log)
  children.add(child)
  const finished = new Promise<ProcessExit>((resolve) => {
    child.once('close', (exitCode, signal) => {
      children.delete(child)
      resolve({ exitCode, signal, stderr: lastError(logFile) })
    })
  })
  return { child, finished }
}

/** The last error in the log with its details, or the last line if there is none. */
function lastError(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
  const from = lines.findLastIndex((line) => line.startsWith('error'))
  return from === -1 ? (lines.at(-1) ?? '') : lines.slice(from).join('\n')
}
