/** The shipped `quorate serve` as a child process: logs to a file, and ends with this process. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { ProcessExit, ServeProcess } from './process-cluster.ts'

const children = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts `command` (a JavaScript file) with these words. What earlier lives have logged stays in the file. */
export function startServeProcess(
  command: string,
  args: readonly string[],
  logFile: string,
): ServeProcess<ProcessExit> {
  const log = openSync(logFile, 'a')
  // A group of its own: a Ctrl-C of the terminal reaches this process only. And a channel: with it gone the node ends by itself.
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

/** From the last line on that is an error, else the last line. */
function lastError(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
  const from = lines.findLastIndex((line) => line.startsWith('error'))
  return from === -1 ? (lines.at(-1) ?? '') : lines.slice(from).join('\n')
}
