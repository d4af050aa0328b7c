/** How the beginning of an incoming connection is read, and put back for the protocol that it belongs to. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { readPreface } from '../../src/peer-link/preface.ts'

describe('the preface of a connection', () => {
  it('is put back with all that has arrived after it, as one chunk', async () => {
    const socket = new PassThrough()
    for (const chunk of ['PR', 'I * HTTP', '/2.0\r\n', 'garbage', 'more']) socket.write(chunk)
    const prefaces: string[] = []
    await new Promise<void>((resolve) => {
      const take = (preface: Buffer): boolean => prefaces.push(preface.toString()) === 0
      readPreface(socket as unknown as Socket, 14, take, resolve)
    })
    assert.deepEqual(prefaces, ['PRI * HTTP/2.0'])
    const chunks: string[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
    socket.end()
    await new Promise((resolve) => socket.once('end', resolve))
    assert.deepEqual(chunks, ['PRI * HTTP/2.0\r\ngarbagemore'])
  })
})
