/** `quorate playground`: serves a page that runs the cores of a cluster in the browser, or writes it into a directory. */
import { createHash } from 'node:crypto'
import { cp } from 'node:fs/promises'
import { pageFolder, pageRoutes } from '../../http/dashboard/page-files.ts'
import { serveHttp } from '../../http/http-server.ts'
import { SCRIPT } from '../../lane-diagram/script.ts'
import { isLoopback, parseListenAddress } from '../../peer-link/listen-address.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { stopRequest } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'

export interface PlaygroundFlags {
  readonly listen?: string
  readonly write?: string
}

/** Ends with a stop signal; after --write at once. */
export async function playground({ listen, write }: PlaygroundFlags, terminal: Terminal): Promise<number> {
  if (write !== undefined) {
    await cp(pageFolder('playground'), write, { recursive: true })
    terminal.out(`the page is in ${write}: open index.html, or let a web server serve the directory\n`)
    return EXIT.ok
  }
  const address = listen ?? '127.0.0.1:0'
  if (!isLoopback(parseListenAddress(address)))
    throw new CommandFailure(`--listen ${address}: the page is for this machine only`, {
      exitCode: EXIT.usage,
      hint: 'use 127.0.0.1, or --write it into a directory of a web server',
    })
  const stopRequested = stopRequest([])
  const server = await serveHttp({ listen: address, routes: pageRoutes('playground', { policy: POLICY }) })
  terminal.out(`http://${server.address}/\n`)
  await stopRequested
  await server.close()
  return EXIT.ok
}

/** Nothing but the files of the page; and in a frame without rights, diagrams of run files, with their script and style inside. */
const POLICY = `default-src 'none'; script-src 'self' 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
